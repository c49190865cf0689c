// Relays among each other: who is let in, and that the far one knows who came, also where a session
// is resumed. Real TLS over loopback TCP, certificates of an authority as the control service's.
#include "relay/channel/peer_ticket.h"

#include "relay/channel/tcp.h"
#include "relay/channel/tls_engine.h"
#include "relay/channel/tls_state.h"
#include "relay/crypto/certificates.h"
#include "relay/crypto/start.h"
#include "tests/fakes/cpp/run_until.h"
#include "tests/fakes/cpp/sockets.h"
#include "tests/unit/channel/tls_end.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

namespace culvert {
namespace {

using test::End;
using test::run_until;

WallTime in_future(std::chrono::seconds time) { return Clock::system().wall() + time; }

Authority new_authority(const std::string& name = "culvert") {
  return std::move(make_authority(name, in_future(-std::chrono::hours(1)),
                                  in_future(std::chrono::hours(1))))
      .value();
}

CertificatePem issue(const Authority& authority,
                     const std::string& name,
                     bool server,
                     WallTime until = in_future(std::chrono::minutes(30))) {
  const Secret key = make_private_key();
  const auto request = make_signing_request(key, name);
  auto pem = sign_request(authority, *request,
                          {.name = name,
                           .hosts = {name},
                           .from = in_future(-std::chrono::minutes(1)),
                           .until = until,
                           .server = server});
  EXPECT_TRUE(pem) << pem.error().detail;
  return {name, std::move(pem).value(), std::string(key.reveal())};
}

std::shared_ptr<const TrustStore> trust(const std::string& pem) {
  return std::move(TrustStore::parse(pem, "")).value();
}

using ServerConfig = std::shared_ptr<const TlsServerConfig>;
using ClientConfig = std::shared_ptr<TlsClientConfig>;

class Peers : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(start_crypto()); }

  ServerConfig far_relay() { return far_relay(authority, tickets); }
  ServerConfig far_relay(const Authority& of, std::shared_ptr<TicketKeys> keys) {
    return std::move(TlsServerConfig::create_peer(far, trust(of.certificate), std::move(keys)))
        .value();
  }
  ClientConfig near_relay(std::optional<CertificatePem> certificate) {
    auto made = TlsClientConfig::create({.trust = trust(authority.certificate),
                                         .tls13_only = true,
                                         .raw = true,
                                         .certificate = std::move(certificate)});
    EXPECT_TRUE(made) << made.error().detail;
    return std::move(made).value();
  }
  ClientConfig near_relay(const std::string& name = "near") {
    return near_relay(issue(authority, name, false));
  }

  void connect(const ServerConfig& server_side,
               const ClientConfig& client_side,
               const std::string& name = "far") {
    auto [at_server, at_client] = test::tcp_pair();
    test::set_nonblocking(at_client);
    server = std::make_unique<End>();
    client = std::make_unique<End>();
    server->channel = std::make_unique<TlsChannel>(
        loop, pool, std::make_unique<TcpChannel>(loop, std::move(at_server), false), server_side,
        &server->flag);
    client->channel =
        std::move(TlsChannel::connect(
                      loop, pool, std::make_unique<TcpChannel>(loop, std::move(at_client), false),
                      client_side, name, &client->flag))
            .value();
    server->channel->start(server->sink);
    client->channel->start(client->sink);
    EXPECT_EQ(server->channel->peer_name(), "");
  }
  // Both have what the other said; with it came the ticket.
  bool works() {
    client->channel->write("question");
    server->channel->write("answer");
    return run_until(loop,
                     [&] {
                       return server->sink.failures + client->sink.failures > 0 ||
                              (server->sink.bytes == "question" && client->sink.bytes == "answer");
                     }) &&
           server->sink.failures + client->sink.failures == 0;
  }
  // Of the server, which lets no byte through and knows nobody.
  bool refused() {
    client->channel->write("question");
    EXPECT_TRUE(run_until(loop, [&] { return server->sink.failures == 1; }));
    EXPECT_EQ(server->sink.bytes, "");
    EXPECT_FALSE(server->flag.ready);
    EXPECT_EQ(server->channel->peer_name(), "");
    return server->sink.failures == 1;
  }

  Loop loop;
  HandshakePool pool{2, 64};
  Authority authority = new_authority();
  CertificatePem far = issue(authority, "far", true);
  std::shared_ptr<TicketKeys> tickets = std::move(TicketKeys::create()).value();
  std::unique_ptr<End> server;
  std::unique_ptr<End> client;
};

TEST_F(Peers, KnowWhoCameAlsoWhereASessionIsResumed) {
  const auto certificate = issue(authority, "near", false);
  const auto until = read_certificate(certificate.cert)->until;
  const auto near = near_relay(certificate);
  const auto far_side = far_relay();
  // Each resumed connection uses the ticket of the one before it.
  for (int round = 0; round < 4; ++round) {
    connect(far_side, near);
    ASSERT_TRUE(works()) << round;
    EXPECT_EQ(client->channel->resumed(), round > 0) << round;
    EXPECT_EQ(server->channel->resumed(), round > 0) << round;
    EXPECT_EQ(server->channel->peer_name(), "near") << round;
    EXPECT_EQ(server->channel->peer_expires_at(), std::chrono::system_clock::to_time_t(until))
        << round;
    EXPECT_EQ(client->channel->peer_name(), "far") << round;
  }
}

TEST_F(Peers, TakeNoneForAnother) {
  const auto one = near_relay("one");
  const auto two = near_relay("two");
  const auto far_side = far_relay();
  for (int round = 0; round < 3; ++round) {
    for (const auto& [config, name] : {std::pair{one, "one"}, std::pair{two, "two"}}) {
      connect(far_side, config);
      ASSERT_TRUE(works());
      EXPECT_EQ(server->channel->resumed(), round > 0);
      EXPECT_EQ(server->channel->peer_name(), name);
    }
  }
}

TEST_F(Peers, RefuseWhoShowsNoCertificate) {
  connect(far_relay(), near_relay(std::optional<CertificatePem>()));
  EXPECT_TRUE(refused());
}

TEST_F(Peers, RefuseACertificateOfAnotherAuthority) {
  // Of the same name, too: the signature decides.
  connect(far_relay(), near_relay(issue(new_authority(), "near", false)));
  EXPECT_TRUE(refused());
}

TEST_F(Peers, RefuseARelayOfAnotherName) {
  connect(far_relay(), near_relay(), "elsewhere");
  ASSERT_TRUE(run_until(loop, [&] { return client->sink.failures == 1; }));
  EXPECT_NE(client->sink.failed->detail.find("certificate"), std::string::npos);
}

TEST_F(Peers, RefuseARelayOfAnotherAuthority) {
  far = issue(new_authority(), "far", true);
  connect(far_relay(), near_relay());
  ASSERT_TRUE(run_until(loop, [&] { return client->sink.failures == 1; }));
  EXPECT_NE(client->sink.failed->detail.find("certificate"), std::string::npos);
}

TEST_F(Peers, SpeakTls13Alone) {
  const auto near = near_relay();
  auto& raw = near->state().config;
  mbedtls_ssl_conf_min_tls_version(&raw, MBEDTLS_SSL_VERSION_TLS1_2);
  mbedtls_ssl_conf_max_tls_version(&raw, MBEDTLS_SSL_VERSION_TLS1_2);
  connect(far_relay(), near);
  EXPECT_TRUE(refused());
}

// For as long as the certificate is good its tickets are taken; from then on it has to be shown,
// and is not accepted.
TEST_F(Peers, TakeNoTicketOfACertificateThatHasEnded) {
  const auto near = near_relay(issue(authority, "near", false, in_future(std::chrono::seconds(4))));
  const auto far_side = far_relay();
  connect(far_side, near);
  ASSERT_TRUE(works());
  const auto ended = [&] {
    connect(far_side, near);
    if (!works()) return true;
    EXPECT_TRUE(server->channel->resumed());
    EXPECT_EQ(server->channel->peer_name(), "near");
    return false;
  };
  const Instant deadline = Clock::system().now() + std::chrono::seconds(60);
  while (!ended() && Clock::system().now() < deadline) {
  }
  ASSERT_EQ(server->sink.failures, 1);
  EXPECT_NE(server->sink.failed->detail.find("expired"), std::string::npos)
      << server->sink.failed->detail;
  EXPECT_EQ(server->channel->peer_name(), "");
}

TEST_F(Peers, TakeNoTicketUnderAnotherAuthority) {
  const auto near = near_relay();
  connect(far_relay(), near);
  ASSERT_TRUE(works());
  // The same keys; the new authority does not know the near relay's certificate.
  connect(far_relay(new_authority("newer"), tickets), near);
  EXPECT_TRUE(refused());
}

TEST_F(Peers, DoAFullHandshakeWhereTheTicketsKeysAreNew) {
  const auto near = near_relay();
  connect(far_relay(), near);
  ASSERT_TRUE(works());
  connect(far_relay(authority, std::move(TicketKeys::create()).value()), near);
  ASSERT_TRUE(works());
  EXPECT_FALSE(server->channel->resumed());
  EXPECT_EQ(server->channel->peer_name(), "near");
}

// Even where both were given the same keys.
TEST_F(Peers, TakeNoTicketOfAPublicListener) {
  const ServerConfig open = std::move(TlsServerConfig::create({far}, tickets)).value();
  const auto nobody = near_relay(std::optional<CertificatePem>());
  for (int round = 0; round < 2; ++round) {
    connect(open, nobody);
    ASSERT_TRUE(works());
    EXPECT_EQ(client->channel->resumed(), round > 0);
    EXPECT_EQ(server->channel->peer_name(), "");
  }
  connect(far_relay(), nobody);
  EXPECT_TRUE(refused());

  const auto near = near_relay();
  connect(open, near);
  ASSERT_TRUE(works());
  connect(far_relay(), near);
  ASSERT_TRUE(works());
  EXPECT_FALSE(client->channel->resumed());
  EXPECT_EQ(server->channel->peer_name(), "near");
}

TEST_F(Peers, GiveTicketsThatNoPublicListenerTakes) {
  const ServerConfig open = std::move(TlsServerConfig::create({far}, tickets)).value();
  const auto near = near_relay();
  connect(far_relay(), near);
  ASSERT_TRUE(works());
  connect(open, near);
  ASSERT_TRUE(works());
  EXPECT_FALSE(client->channel->resumed());
}

// A changed byte anywhere makes a ticket no ticket.
TEST_F(Peers, TakeNoTicketThatWasChanged) {
  const auto near = near_relay();
  const auto far_side = far_relay();
  connect(far_side, near);
  ASSERT_TRUE(works());
  auto& sessions = near->state().sessions;
  ASSERT_EQ(sessions.size(), 1U);
  mbedtls_ssl_session& session = *sessions.front();
  const size_t size = session.MBEDTLS_PRIVATE(ticket_len);
  unsigned char* ticket = session.MBEDTLS_PRIVATE(ticket);
  const std::string whole(reinterpret_cast<char*>(ticket), size);
  auto* config = const_cast<TlsServerConfig::State*>(&far_side->state());
  const auto read = [&](std::string bytes, PeerIdentity* carried) {
    mbedtls_ssl_session found;
    mbedtls_ssl_session_init(&found);
    const PeerIdentity known;
    const PeerTicketScope scope(known, *carried);
    const int code = parse_peer_ticket(
        config, &found, reinterpret_cast<unsigned char*>(bytes.data()), bytes.size());
    mbedtls_ssl_session_free(&found);
    return code;
  };
  PeerIdentity carried;
  EXPECT_EQ(read(whole, &carried), 0);
  EXPECT_EQ(carried.name, "near");
  for (size_t i = 0; i < size; ++i) {
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_NE(read(changed, &carried), 0) << i;
    EXPECT_EQ(carried.name, "") << i;
    EXPECT_NE(read(whole.substr(0, i), &carried), 0) << i;
  }
  // Outside of a connection nothing is read at all.
  std::string copy = whole;
  mbedtls_ssl_session found;
  mbedtls_ssl_session_init(&found);
  EXPECT_NE(parse_peer_ticket(config, &found, reinterpret_cast<unsigned char*>(copy.data()), size),
            0);
  mbedtls_ssl_session_free(&found);
}

// The name travels by the thread that a step runs on; many take turns on each.
TEST_F(Peers, AreKnownWhileOtherHandshakesRunOnTheSameThreads) {
  const auto far_side = far_relay();
  struct Pair {
    std::string name;
    ClientConfig config;
    std::unique_ptr<End> server;
    std::unique_ptr<End> client;
  };
  std::vector<Pair> pairs;
  for (int i = 0; i < 8; ++i) {
    const std::string name = "near-" + std::to_string(i);
    pairs.push_back({name, near_relay(name), nullptr, nullptr});
  }
  for (int round = 0; round < 3; ++round) {
    for (Pair& pair : pairs) {
      connect(far_side, pair.config);
      pair.server = std::move(server);
      pair.client = std::move(client);
    }
    for (Pair& pair : pairs) {
      server = std::move(pair.server);
      client = std::move(pair.client);
      ASSERT_TRUE(works());
      EXPECT_EQ(server->channel->resumed(), round > 0);
      EXPECT_EQ(server->channel->peer_name(), pair.name);
    }
  }
}

}  // namespace
}  // namespace culvert
