// A plain head is read at once, and everything that is nearly one gets the verdict of those who
// read byte by byte.
#include "relay/codec/plain_head.h"

#include "tests/unit/codec/transcript.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert::test {
namespace {

constexpr std::string_view kRequest =
    "POST /v1/a?b=c HTTP/1.1\r\nHost: a.b\r\nContent-Length: 2\r\n"
    "X-Long-Header-Name:  yes \r\n\r\n";
constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\nServer:\r\n\r\n";

bool is_plain(HeadKind kind, std::string_view bytes, const HeadLimits& limits = kLimits) {
  return PlainHead().read(kind, bytes, limits);
}

bool is_plain_request(std::string_view line, std::string_view fields) {
  return is_plain(HeadKind::kRequest, std::string(line).append("\r\n").append(fields) + "\r\n");
}

TEST(PlainHead, ReadsARequest) {
  const std::string bytes = std::string(kRequest) + "{}";
  PlainHead head;
  ASSERT_TRUE(head.read(HeadKind::kRequest, bytes, kLimits));
  EXPECT_EQ(head.bytes(), kRequest.size());
  EXPECT_EQ(head.start().method, "POST");
  EXPECT_EQ(head.start().target, "/v1/a?b=c");
  EXPECT_EQ(head.start().minor_version, 1);
  ASSERT_EQ(head.fields(), 3U);
  EXPECT_EQ(head.name(0), "Host");
  EXPECT_EQ(head.value(0), "a.b");
  EXPECT_EQ(head.name(2), "X-Long-Header-Name");
  EXPECT_EQ(head.value(2), "yes");
}

TEST(PlainHead, ReadsAnAnswer) {
  PlainHead head;
  ASSERT_TRUE(head.read(HeadKind::kResponse, kAnswer, kLimits));
  EXPECT_EQ(head.start().status, 200);
  EXPECT_EQ(head.start().reason, "OK");
  ASSERT_EQ(head.fields(), 3U);
  EXPECT_EQ(head.name(2), "Server");
  EXPECT_EQ(head.value(2), "");
}

TEST(PlainHead, LeavesToOthersWhatHasToBeJudged) {
  EXPECT_TRUE(is_plain_request("GET / HTTP/1.1", ""));
  EXPECT_FALSE(is_plain_request("GET / HTTP/1.0", ""));
  EXPECT_FALSE(is_plain_request("GET http://a/ HTTP/1.1", ""));
  EXPECT_FALSE(is_plain_request("OPTIONS * HTTP/1.1", ""));
  EXPECT_FALSE(is_plain_request("CONNECT /a HTTP/1.1", ""));
  EXPECT_FALSE(is_plain_request("PRI /a HTTP/1.1", ""));
  const std::string_view line = "POST / HTTP/1.1";
  EXPECT_TRUE(is_plain_request(line, "Content-Length: 0\r\n"));
  EXPECT_FALSE(is_plain_request(line, "Content-Length: 0\r\ncontent-length: 0\r\n"));
  EXPECT_FALSE(is_plain_request(line, "Content-Length: +1\r\n"));
  EXPECT_FALSE(is_plain_request(line, "Content-Length:\r\n"));
  EXPECT_FALSE(is_plain_request(line, "transfer-encoding: chunked\r\n"));
  EXPECT_FALSE(is_plain_request(line, "A : b\r\n"));
  EXPECT_FALSE(is_plain_request(line, " A: b\r\n"));
  EXPECT_FALSE(is_plain_request(line, "A: b\nC: d\r\n"));
  EXPECT_FALSE(is_plain(HeadKind::kResponse, "HTTP/1.1 099 x\r\n\r\n"));
  EXPECT_FALSE(is_plain(HeadKind::kResponse, "HTTP/1.1 200\r\n\r\n"));
}

TEST(PlainHead, KeepsWithinTheLimits) {
  const HeadLimits exact{kRequest.size(), 3, 9};
  EXPECT_TRUE(is_plain(HeadKind::kRequest, kRequest, exact));
  EXPECT_FALSE(is_plain(HeadKind::kRequest, kRequest, {exact.head_bytes - 1, 3, 9}));
  EXPECT_FALSE(is_plain(HeadKind::kRequest, kRequest, {exact.head_bytes, 2, 9}));
  EXPECT_FALSE(is_plain(HeadKind::kRequest, kRequest, {exact.head_bytes, 3, 8}));
}

TEST(PlainHead, IsNoneBeforeItIsWhole) {
  for (size_t size = 0; size < kRequest.size(); ++size) {
    EXPECT_FALSE(is_plain(HeadKind::kRequest, kRequest.substr(0, size))) << size;
  }
}

// Each byte of a head replaced by any other, left out, and put in once more.
template <class Said>
void expect_same_bytewise(std::string_view head, Said said) {
  const auto check = [&](const std::string& bytes) {
    ASSERT_EQ(said(cut_at(bytes, bytes.size())), said(bytewise(bytes))) << bytes;
  };
  for (size_t at = 0; at < head.size(); ++at) {
    std::string changed(head);
    for (int c = 0; c < 256; ++c) {
      changed[at] = static_cast<char>(c);
      check(changed);
    }
    check(std::string(head).erase(at, 1));
    check(std::string(head).insert(at, 1, head[at]));
  }
}

TEST(PlainHead, HasTheVerdictOfThoseWhoReadByteByByte) {
  expect_same_bytewise(std::string(kRequest) + "{}",
                       [](const Pieces& pieces) { return request_transcript(pieces); });
  expect_same_bytewise(std::string(kAnswer) + "{}",
                       [](const Pieces& pieces) { return response_transcript(pieces); });
}

}  // namespace
}  // namespace culvert::test
