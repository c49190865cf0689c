// The three forms of a secret, and what a file of one has to be.
#include "relay/config/secrets.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

namespace culvert {
namespace {

std::optional<std::string> environment(const std::string& name) {
  if (name == "SET") return "the value";
  if (name == "REFERENCE") return "env:SET";
  if (name == "EMPTY") return "";
  return std::nullopt;
}

// What a file with this text and mode gives; the file is gone afterwards.
Result<Secret> of_file(const std::string& text, mode_t mode, std::vector<std::string>* warnings) {
  std::string path = testing::TempDir() + "culvert_secret_XXXXXX";
  const int fd = mkstemp(path.data());
  EXPECT_GE(fd, 0);
  EXPECT_EQ(write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  EXPECT_EQ(fchmod(fd, mode), 0);
  close(fd);
  auto secret = read_secret("file:" + path, environment, warnings);
  unlink(path.c_str());
  return secret;
}

std::string plain(const Result<Secret>& secret) {
  return secret ? std::string(secret->reveal()) : "error: " + secret.error().detail;
}

TEST(Secrets, ValuesAndVariables) {
  std::vector<std::string> warnings;
  EXPECT_EQ(plain(read_secret("as it is", environment, &warnings)), "as it is");
  EXPECT_EQ(plain(read_secret("env:SET", environment, &warnings)), "the value");
  EXPECT_EQ(plain(read_secret("env:REFERENCE", environment, &warnings)), "env:SET");
  for (const char* written : {"env:NONE", "env:EMPTY", "env:"}) {
    EXPECT_FALSE(read_secret(written, environment, &warnings)) << written;
  }
  EXPECT_FALSE(read_secret("env:SET", nullptr, &warnings));
  EXPECT_TRUE(warnings.empty());
}

TEST(Secrets, FilesLoseOneLineBreak) {
  std::vector<std::string> warnings;
  EXPECT_EQ(plain(of_file("secret", 0600, &warnings)), "secret");
  EXPECT_EQ(plain(of_file("secret\n", 0600, &warnings)), "secret");
  EXPECT_EQ(plain(of_file("secret\r\n", 0600, &warnings)), "secret");
  EXPECT_EQ(plain(of_file("secret\n\n", 0600, &warnings)), "secret\n");
  EXPECT_FALSE(of_file("", 0600, &warnings));
  EXPECT_FALSE(of_file("\n", 0600, &warnings));
  EXPECT_TRUE(warnings.empty());
}

TEST(Secrets, WorldReadableFilesAreWarnedOf) {
  std::vector<std::string> warnings;
  EXPECT_EQ(plain(of_file("secret", 0604, &warnings)), "secret");
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("can be read by every user"), std::string::npos);
  EXPECT_EQ(plain(of_file("secret", 0640, &warnings)), "secret");
  EXPECT_EQ(warnings.size(), 1U);
}

TEST(Secrets, MissingFilesAreNamedWithTheReason) {
  std::vector<std::string> warnings;
  EXPECT_EQ(plain(read_secret("file:/no/such/file", environment, &warnings)),
            "error: the file /no/such/file cannot be read: No such file or directory");
}

}  // namespace
}  // namespace culvert
