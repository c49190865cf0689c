// An authority, what it signs, and what it must not.
#include "relay/crypto/certificates.h"

#include "relay/crypto/start.h"

#include <gtest/gtest.h>

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
