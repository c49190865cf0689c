// Each kind of failure has words of its own that say what to do.
#include "control/cli/status_words.h"

#include <gtest/gtest.h>

namespace culvert::cli {
namespace {

std::string words(Status status, const std::string& message, const std::string& ca = "ca.pem") {
  return in_words({static_cast<int>(status), message, "h:1", ca, "10s"}).detail;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(StatusWords, TellWhyNobodyAnswers) {
  const auto away = [](const char* message) { return words(Status::kUnavailable, message); };
  EXPECT_TRUE(has(away("connection refused"), "is culvert-control running?"));
  EXPECT_TRUE(has(away("SSL_ERROR_SSL: certificate verify failed"), "the authority in ca.pem"));
  EXPECT_TRUE(has(words(Status::kUnavailable, "CERTIFICATE_VERIFY_FAILED", ""), "of this system"));
  EXPECT_TRUE(has(away("Peer name h is not in peer certificate"), "other names"));
  EXPECT_TRUE(has(away("WRONG_VERSION_NUMBER"), "speaks no TLS"));
  EXPECT_TRUE(has(away("DNS resolution failed for h:1"), "cannot be resolved"));
  EXPECT_TRUE(has(away("Ssl handshake failed: eof"), "TLS with the service at h:1 failed"));
}

TEST(StatusWords, SayWhatToDo) {
  EXPECT_TRUE(has(words(Status::kDeadlineExceeded, ""), "within 10s: --timeout"));
  EXPECT_TRUE(has(words(Status::kUnauthenticated, "it expired"), "(it expired): culvert login"));
  EXPECT_TRUE(has(words(Status::kPermissionDenied, "x"), "culvert whoami"));
  EXPECT_TRUE(has(words(Status::kAborted, "x"), "run diff and apply again"));
  EXPECT_TRUE(has(words(Status::kUnimplemented, "x"), "older"));
  EXPECT_EQ(words(Status::kNotFound, "there is no x"), "there is no x");
  EXPECT_EQ(words(Status::kInvalidArgument, "a\x1b[2J"), "a?[2J");
  EXPECT_TRUE(has(words(static_cast<Status>(13), ""), "the service failed"));
}

TEST(StatusWords, AreNeverTakenForBadUsage) {
  for (int status = 1; status < 20; ++status) {
    EXPECT_NE(in_words({status, "x", "h:1", "", "1s"}).code, Code::kBadRequest) << status;
  }
}

}  // namespace
}  // namespace culvert::cli
