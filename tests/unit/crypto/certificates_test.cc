// An authority, what it signs, and what it must not.
#include "relay/crypto/certificates.h"

#include "relay/crypto/start.h"
#include "relay/crypto/x509.h"

#include <gtest/gtest.h>
#include <mbedtls/oid.h>

namespace culvert {
namespace {

using std::chrono::hours;

class Certificates : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(start_crypto()); }

  // The time of this test: certificates know whole seconds.
  WallTime now() const { return now_; }
  CertificateTerms terms(const std::string& name) const {
    return {.name = name, .hosts = {}, .from = now() - hours(1), .until = now() + hours(24)};
  }

  // What mbedTLS says of a TLS server with this certificate that is called by that name.
  bool is_server(const std::string& pem, const std::string& name) const {
    x509::Certificate made, trusted;
    EXPECT_TRUE(x509::read_pem(pem, made.get()));
    EXPECT_TRUE(x509::read_pem(authority_.certificate, trusted.get()));
    uint32_t flags = 0;
    return mbedtls_x509_crt_verify(made.get(), trusted.get(), nullptr, name.c_str(), &flags,
                                   nullptr, nullptr) == 0;
  }
  static bool is_for(const std::string& pem, std::string_view oid) {
    x509::Certificate made;
    EXPECT_TRUE(x509::read_pem(pem, made.get()));
    return mbedtls_x509_crt_check_extended_key_usage(made.get(), oid.data(), oid.size()) == 0;
  }
  static constexpr std::string_view kServer{MBEDTLS_OID_SERVER_AUTH,
                                            MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)};
  static constexpr std::string_view kClient{MBEDTLS_OID_CLIENT_AUTH,
                                            MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH)};

  const WallTime now_ = std::chrono::floor<std::chrono::seconds>(Clock::system().wall());
  const Authority authority_ = *make_authority("Culvert CA", now() - hours(1), now() + hours(1000));
};

TEST_F(Certificates, SaysWhatItWasSignedFor) {
  const Secret key = make_private_key();
  const auto request = make_signing_request(key, "whoever");
  ASSERT_TRUE(request);
  const auto signed_one = sign_request(authority_, *request, terms("relay-1"));
  ASSERT_TRUE(signed_one) << signed_one.error().detail;
  const auto info = read_certificate(*signed_one);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->name, "relay-1");  // the authority's word, not the asker's
  EXPECT_EQ(info->from, now() - hours(1));
  EXPECT_EQ(info->until, now() + hours(24));
  EXPECT_EQ(info->serial.size(), 32U);
  EXPECT_EQ(info->fingerprint.size(), 64U);
  EXPECT_TRUE(keys_match(*signed_one, key));
  EXPECT_FALSE(keys_match(*signed_one, make_private_key()));
  EXPECT_TRUE(verify_certificate(*signed_one, authority_.certificate, now()));
}

TEST_F(Certificates, AreVerifiedAgainstAuthorityAndTime) {
  const auto request = make_signing_request(make_private_key(), "relay-1");
  const auto signed_one = sign_request(authority_, *request, terms("relay-1"));
  ASSERT_TRUE(signed_one);
  const auto other = make_authority("Culvert CA", now() - hours(1), now() + hours(1000));
  EXPECT_FALSE(verify_certificate(*signed_one, other->certificate, now()));
  EXPECT_FALSE(verify_certificate(*signed_one, authority_.certificate, now() + hours(25)));
  EXPECT_FALSE(verify_certificate(*signed_one, authority_.certificate, now() - hours(2)));
}

TEST_F(Certificates, NoTwoHaveTheSameSerial) {
  const auto request = make_signing_request(make_private_key(), "relay-1");
  const auto one = sign_request(authority_, *request, terms("relay-1"));
  const auto two = sign_request(authority_, *request, terms("relay-1"));
  EXPECT_NE(read_certificate(*one)->serial, read_certificate(*two)->serial);
}

TEST_F(Certificates, ServersHaveNamesAndAddresses) {
  const auto request = make_signing_request(make_private_key(), "control");
  CertificateTerms server = terms("control");
  server.server = true;
  server.hosts = {"localhost", "127.0.0.1", "::1"};
  const auto signed_one = sign_request(authority_, *request, server);
  ASSERT_TRUE(signed_one) << signed_one.error().detail;
  EXPECT_TRUE(verify_certificate(*signed_one, authority_.certificate, now()));
}

TEST_F(Certificates, AreForTheUsesOfTheirTerms) {
  const auto request = make_signing_request(make_private_key(), "relay-1");
  for (const auto& [server, client] : {std::pair(true, false), {false, true}, {true, true}}) {
    CertificateTerms made = terms("relay-1");
    made.server = server;
    made.client = client;
    const auto signed_one = sign_request(authority_, *request, made);
    ASSERT_TRUE(signed_one) << signed_one.error().detail;
    EXPECT_EQ(is_for(*signed_one, kServer), server);
    EXPECT_EQ(read_certificate(*signed_one)->server, server);
    EXPECT_EQ(is_for(*signed_one, kClient), client);
  }
  CertificateTerms neither = terms("relay-1");
  neither.client = false;
  EXPECT_FALSE(sign_request(authority_, *request, neither));
}

// Relays verify each other by their names: digits alone are a name as well, and no address.
TEST_F(Certificates, NameARelayAsTlsNamesAServer) {
  const auto request = make_signing_request(make_private_key(), "whoever");
  for (const std::string& name :
       {std::string("edge-1"), std::string("7"), std::string("2130706433"), std::string("xn--a"),
        std::string("a--b"), std::string(63, 'r')}) {
    CertificateTerms relay = terms(name);
    relay.server = true;
    relay.hosts = {name};
    const auto signed_one = sign_request(authority_, *request, relay);
    ASSERT_TRUE(signed_one) << signed_one.error().detail;
    EXPECT_TRUE(is_server(*signed_one, name)) << name;
    EXPECT_FALSE(is_server(*signed_one, "edge-2")) << name;
  }
  // The common name is no server's name where there is another.
  CertificateTerms other = terms("edge-1");
  other.hosts = {"edge-2"};
  EXPECT_FALSE(is_server(*sign_request(authority_, *request, other), "edge-1"));
}

TEST_F(Certificates, RefuseWhatIsNoRequest) {
  auto request = make_signing_request(make_private_key(), "relay-1");
  ASSERT_TRUE(request);
  EXPECT_FALSE(sign_request(authority_, "", terms("relay-1")));
  EXPECT_FALSE(sign_request(authority_, request->substr(0, 200), terms("relay-1")));
  EXPECT_FALSE(sign_request(authority_, authority_.certificate, terms("relay-1")));
  EXPECT_FALSE(sign_request(authority_, *request, terms("")));
  EXPECT_FALSE(sign_request(authority_, *request, terms("a,CN=b")));
  EXPECT_FALSE(make_signing_request(make_private_key(), std::string(65, 'a')));
  EXPECT_FALSE(make_signing_request(Secret("no key"), "relay-1"));
  EXPECT_FALSE(read_certificate("nonsense"));
}

// A request that carries somebody else's public key must not become a certificate for it.
TEST_F(Certificates, RefuseARequestThatItsKeyDidNotSign) {
  const auto request = *make_signing_request(make_private_key(), "relay-1");
  // The signature stands at the end of the DER form: the last full line of the PEM text.
  std::string changed = request;
  const size_t end = changed.find("-----END");
  for (size_t i = end - 20; i < end - 10; ++i) {
    if (changed[i] == '\n' || changed[i] == '=') continue;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    break;
  }
  ASSERT_NE(changed, request);
  EXPECT_FALSE(sign_request(authority_, changed, terms("relay-1")));
}

}  // namespace
}  // namespace culvert
