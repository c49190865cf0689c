// The identity on the disk: whole or not there, private, and refused in words when it is broken.
#include "relay/config/identity.h"

#include "relay/crypto/certificates.h"
#include "relay/crypto/seal.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace culvert {
namespace {

namespace fs = std::filesystem;

const WallTime kNow = WallTime(std::chrono::seconds(1'800'000'000));

Identity made_identity(const std::string& name) {
  Identity identity;
  const Authority authority = *make_authority("ca", kNow, kNow + std::chrono::hours(1000));
  identity.name = name;
  identity.region = "eu-1";
  identity.labels = {{"tier", "paid"}, {"odd", "a: b #c"}};
  identity.addresses = {"control.example:7443", "[::1]:7443"};
  identity.key = make_private_key();
  identity.certificate = *sign_request(
      authority, *make_signing_request(identity.key, name),
      {.name = name, .hosts = {}, .from = kNow, .until = kNow + std::chrono::hours(24)});
  identity.authority = authority.certificate;
  identity.seal_key = make_seal_key();
  return identity;
}

class IdentityTest : public testing::Test {
 protected:
  IdentityTest()
      : state_(testing::TempDir() + "state-" +
               testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(state_);
  }
  ~IdentityTest() override { fs::remove_all(state_); }
  const std::string state_;
};

TEST_F(IdentityTest, IsNotThereBeforeJoining) {
  const auto none = read_identity(state_);
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->has_value());
}

TEST_F(IdentityTest, IsReadAsItWasWritten) {
  const Identity made = made_identity("relay-1");
  ASSERT_TRUE(write_identity(state_, made, false));
  const auto read = read_identity(state_);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ((*read)->name, "relay-1");
  EXPECT_EQ((*read)->region, "eu-1");
  EXPECT_EQ((*read)->labels, made.labels);
  EXPECT_EQ((*read)->addresses, made.addresses);
  EXPECT_EQ((*read)->key, made.key);
  EXPECT_EQ((*read)->certificate, made.certificate);
  EXPECT_EQ((*read)->seal_key, made.seal_key);
}

TEST_F(IdentityTest, OnlyItsOwnerMayReadIt) {
  ASSERT_TRUE(write_identity(state_, made_identity("relay-1"), false));
  struct stat info {};
  ASSERT_EQ(::stat(identity_folder(state_).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
  for (const auto& entry : fs::directory_iterator(identity_folder(state_))) {
    ASSERT_EQ(::stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600U) << entry.path();
  }
}

TEST_F(IdentityTest, IsReplacedOnDemandOnly) {
  ASSERT_TRUE(write_identity(state_, made_identity("relay-1"), false));
  const auto refused = write_identity(state_, made_identity("relay-2"), false);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("--force"), std::string::npos);
  EXPECT_EQ((*read_identity(state_))->name, "relay-1");
  ASSERT_TRUE(write_identity(state_, made_identity("relay-2"), true));
  EXPECT_EQ((*read_identity(state_))->name, "relay-2");
}

TEST_F(IdentityTest, ABrokenOneIsRefusedInWords) {
  ASSERT_TRUE(write_identity(state_, made_identity("relay-1"), false));
  for (const char* file : {"relay.yaml", "key.pem", "cert.pem", "ca.pem", "seal.key"}) {
    const std::string path = identity_folder(state_) + "/" + file;
    const std::string aside = path + ".aside";
    fs::rename(path, aside);
    EXPECT_FALSE(read_identity(state_)) << file;
    std::ofstream(path) << "nonsense: [";
    const auto broken = read_identity(state_);
    ASSERT_FALSE(broken) << file;
    EXPECT_NE(broken.error().detail.find("--force"), std::string::npos) << broken.error().detail;
    fs::rename(aside, path);
  }
  EXPECT_TRUE(read_identity(state_));
}

TEST_F(IdentityTest, TheCertificateAloneIsRenewed) {
  const Identity made = made_identity("relay-1");
  ASSERT_TRUE(write_identity(state_, made, false));
  const Authority other = *make_authority("other", kNow, kNow + std::chrono::hours(1));
  const std::string renewed =
      *sign_request(other, *make_signing_request(made.key, "relay-1"),
                    {.name = "relay-1", .hosts = {}, .from = kNow, .until = kNow});
  ASSERT_TRUE(write_certificate(state_, renewed));
  EXPECT_EQ((*read_identity(state_))->certificate, renewed);
}

}  // namespace
}  // namespace culvert
