// Whole handshakes in memory: each group with each suite of both versions, on four threads at once,
// with names that do not fit and ciphertext that was changed among them.
#include "relay/base/clock.h"
#include "relay/channel/libcrypto/hooks.h"
#include "relay/crypto/certificates.h"
#include "relay/crypto/random_bytes.h"
#include "tests/unit/channel/libcrypto/allocations.h"

#include <gtest/gtest.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace culvert::libcrypto {
namespace {

constexpr std::array<uint16_t, 3> kGroups = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
                                             MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
                                             MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1};
constexpr std::array kSuites = {
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
};

// An authority and a server's certificate of it.
class Identity {
 public:
  Identity() {
    const WallTime now = Clock::system().wall();
    const auto authority =
        make_authority("authority", now - std::chrono::hours(1), now + std::chrono::hours(24));
    EXPECT_TRUE(authority);
    const Secret secret = make_private_key();
    const auto request = make_signing_request(secret, "server");
    EXPECT_TRUE(request);
    CertificateTerms terms;
    terms.name = "server";
    terms.hosts = {"relay.test"};
    terms.from = now - std::chrono::hours(1);
    terms.until = now + std::chrono::hours(24);
    terms.server = true;
    const auto certificate = sign_request(*authority, *request, terms);
    EXPECT_TRUE(certificate);
    mbedtls_x509_crt_init(&root);
    mbedtls_x509_crt_init(&chain);
    mbedtls_pk_init(&key);
    const auto bytes = [](const std::string& text) {
      return reinterpret_cast<const uint8_t*>(text.c_str());
    };
    const std::string key_pem(secret.reveal());
    EXPECT_EQ(mbedtls_x509_crt_parse(&root, bytes(authority->certificate),
                                     authority->certificate.size() + 1),
              0);
    EXPECT_EQ(mbedtls_x509_crt_parse(&chain, bytes(*certificate), certificate->size() + 1), 0);
    EXPECT_EQ(mbedtls_pk_parse_key(&key, bytes(key_pem), key_pem.size() + 1, nullptr, 0,
                                   fill_random, nullptr),
              0);
  }
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;
  ~Identity() {
    mbedtls_x509_crt_free(&root);
    mbedtls_x509_crt_free(&chain);
    mbedtls_pk_free(&key);
  }

  mbedtls_x509_crt root;
  mbedtls_x509_crt chain;
  mbedtls_pk_context key;
};

Identity& identity() {
  static Identity one;
  return one;
}

class Config {
 public:
  // P-256 after the group, because TLS 1.2 wants the certificate's curve among them.
  Config(int endpoint, uint16_t group, int suite)
      : groups_{group, MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, 0}, suites_{suite, 0} {
    mbedtls_ssl_config_init(&config_);
    EXPECT_EQ(mbedtls_ssl_config_defaults(&config_, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                                          MBEDTLS_SSL_PRESET_DEFAULT),
              0);
    mbedtls_ssl_conf_rng(&config_, fill_random, nullptr);
    mbedtls_ssl_conf_groups(&config_, groups_.data());
    mbedtls_ssl_conf_ciphersuites(&config_, suites_.data());
    const bool tls12 = suite > 0xc000;
    mbedtls_ssl_conf_max_tls_version(
        &config_, tls12 ? MBEDTLS_SSL_VERSION_TLS1_2 : MBEDTLS_SSL_VERSION_TLS1_3);
    mbedtls_ssl_conf_ca_chain(&config_, &identity().root, nullptr);
    if (endpoint == MBEDTLS_SSL_IS_SERVER) {
      EXPECT_EQ(mbedtls_ssl_conf_own_cert(&config_, &identity().chain, &identity().key), 0);
    } else {
      mbedtls_ssl_conf_authmode(&config_, MBEDTLS_SSL_VERIFY_REQUIRED);
    }
  }
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;
  ~Config() { mbedtls_ssl_config_free(&config_); }
  const mbedtls_ssl_config* get() const { return &config_; }

 private:
  std::array<uint16_t, 3> groups_;
  std::array<int, 2> suites_;
  mbedtls_ssl_config config_;
};

// One side; what it sends is appended to the other's `in`.
class Side {
 public:
  explicit Side(const Config& config) {
    mbedtls_ssl_init(&ssl);
    EXPECT_EQ(mbedtls_ssl_setup(&ssl, config.get()), 0);
    mbedtls_ssl_set_bio(
        &ssl, this,
        [](void* self, const unsigned char* bytes, size_t size) {
          static_cast<Side*>(self)->peer->in.append(reinterpret_cast<const char*>(bytes), size);
          return static_cast<int>(size);
        },
        [](void* self, unsigned char* to, size_t size) -> int {
          std::string& arrived = static_cast<Side*>(self)->in;
          if (arrived.empty()) return MBEDTLS_ERR_SSL_WANT_READ;
          size = std::min(size, arrived.size());
          std::memcpy(to, arrived.data(), size);
          arrived.erase(0, size);
          return static_cast<int>(size);
        },
        nullptr);
  }
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;
  ~Side() { mbedtls_ssl_free(&ssl); }

  mbedtls_ssl_context ssl;
  std::string in;
  Side* peer = nullptr;
};

class Connection {
 public:
  Connection(uint16_t group, int suite, const char* name)
      : server_config_(MBEDTLS_SSL_IS_SERVER, group, suite),
        client_config_(MBEDTLS_SSL_IS_CLIENT, group, suite),
        server(server_config_),
        client(client_config_) {
    server.peer = &client;
    client.peer = &server;
    EXPECT_EQ(mbedtls_ssl_set_hostname(&client.ssl, name), 0);
  }

  // 0, or the first failure of a side.
  int shake_hands() {
    int here = MBEDTLS_ERR_SSL_WANT_READ;
    int there = MBEDTLS_ERR_SSL_WANT_READ;
    for (int turn = 0; turn < 40; ++turn) {
      if (here != 0) here = mbedtls_ssl_handshake(&client.ssl);
      if (here != 0 && here != MBEDTLS_ERR_SSL_WANT_READ) return here;
      if (there != 0) there = mbedtls_ssl_handshake(&server.ssl);
      if (there != 0 && there != MBEDTLS_ERR_SSL_WANT_READ) return there;
      if (here == 0 && there == 0) return 0;
    }
    return MBEDTLS_ERR_SSL_TIMEOUT;
  }

  static int write(Side& from, const std::string& text) {
    return mbedtls_ssl_write(&from.ssl, reinterpret_cast<const uint8_t*>(text.data()), text.size());
  }
  static int read(Side& at, std::string* text) {
    text->resize(20000);
    const int got =
        mbedtls_ssl_read(&at.ssl, reinterpret_cast<uint8_t*>(text->data()), text->size());
    text->resize(static_cast<size_t>(std::max(got, 0)));
    return got;
  }

 private:
  Config server_config_;
  Config client_config_;

 public:
  Side server;
  Side client;
};

void expect_whole(uint16_t group, int suite) {
  Connection connection(group, suite, "relay.test");
  ASSERT_EQ(connection.shake_hands(), 0) << group << ' ' << suite;
  std::string text;
  for (const size_t size : {1, 63, 1400, 16000}) {
    const std::string sent(size, 'x');
    ASSERT_EQ(Connection::write(connection.server, sent), static_cast<int>(size));
    ASSERT_EQ(Connection::read(connection.client, &text), static_cast<int>(size));
    EXPECT_EQ(text, sent);
    ASSERT_EQ(Connection::write(connection.client, sent), static_cast<int>(size));
    ASSERT_EQ(Connection::read(connection.server, &text), static_cast<int>(size));
    EXPECT_EQ(text, sent);
  }
  ASSERT_GT(Connection::write(connection.client, "changed on its way"), 0);
  connection.server.in.back() = static_cast<char>(connection.server.in.back() ^ 1);
  EXPECT_EQ(Connection::read(connection.server, &text), MBEDTLS_ERR_SSL_INVALID_MAC);
}

void expect_refused(uint16_t group, int suite) {
  Connection connection(group, suite, "other.test");
  EXPECT_EQ(connection.shake_hands(), MBEDTLS_ERR_X509_CERT_VERIFY_FAILED);
}

TEST(Handshake, ComesThroughTheHooks) {
  hooks_called = 0;
  expect_whole(kGroups[0], kSuites[0]);
  for (const Hook hook : {Hook::kEcdsaSign, Hook::kEcdsaVerify, Hook::kKeyShare,
                          Hook::kKeyAgreement, Hook::kSha256, Hook::kGcm}) {
    EXPECT_TRUE(was_called(hook)) << static_cast<int>(hook);
  }
  hooks_called = 0;
  expect_whole(kGroups[1], kSuites[2]);
  for (const Hook hook : {Hook::kKeyShare, Hook::kEcdhShared, Hook::kChachaPoly}) {
    EXPECT_TRUE(was_called(hook)) << static_cast<int>(hook);
  }
  hooks_called = 0;
  expect_whole(kGroups[0], kSuites[4]);
  for (const Hook hook : {Hook::kEcdhPublic, Hook::kEcdhShared, Hook::kSha512}) {
    EXPECT_TRUE(was_called(hook)) << static_cast<int>(hook);
  }
}

TEST(Handshake, WorksOnFourThreadsAtOnce) {
  identity();
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([thread] {
      for (size_t round = 0; round < 2 * kGroups.size() * kSuites.size(); ++round) {
        const size_t turn = round + 5 * thread;  // each thread at another place
        const uint16_t group = kGroups[turn % kGroups.size()];
        const int suite = kSuites[turn / kGroups.size() % kSuites.size()];
        if (round % 7 == 3) {
          expect_refused(group, suite);
        } else {
          expect_whole(group, suite);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// What OpenSSL keeps for a thread (its random generator) goes with the thread.
TEST(Handshake, LeavesNothingBehind) {
  const auto on_a_thread = [] {
    std::thread([] {
      for (const uint16_t group : kGroups) expect_whole(group, kSuites[0]);
    }).join();
  };
  expect_whole(kGroups[0], kSuites[0]);
  on_a_thread();
  const int64_t before = test::live_allocations();
  for (int round = 0; round < 10; ++round) {
    expect_whole(kGroups[static_cast<size_t>(round) % kGroups.size()], kSuites[1]);
    on_a_thread();
  }
  EXPECT_EQ(test::live_allocations(), before);
}

}  // namespace
}  // namespace culvert::libcrypto
