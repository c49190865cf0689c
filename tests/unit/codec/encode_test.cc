// What is written is read back as what was meant, and nothing can write a line of its own.
#include "relay/codec/encode.h"

#include "tests/unit/codec/transcript.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace culvert::test {
namespace {

Headers fields(std::initializer_list<Header> list) {
  Headers headers;
  for (const Header& field : list) headers.add(field.name, field.value);
  return headers;
}

TEST(Encode, WritesHeads) {
  EXPECT_EQ(encode_request_head("POST", "/v1/x?y", fields({{"Host", "a"}, {"X-B", ""}})),
            "POST /v1/x?y HTTP/1.1\r\nHost: a\r\nX-B:\r\n\r\n");
  EXPECT_EQ(encode_response_head(404, "", fields({{"A", "b"}})),
            "HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n");
  EXPECT_EQ(encode_response_head(299, "", {}), "HTTP/1.1 299 \r\n\r\n");
  EXPECT_EQ(encode_response_head(200, "Fine", {}), "HTTP/1.1 200 Fine\r\n\r\n");
}

TEST(Encode, InjectsNoLine) {
  const std::string evil =
      std::string("x\r\nContent-Length: 0\r\n\r\nGET /evil HTTP/1.1\r\n") + '\0' + "\x7F";
  for (const std::string& head :
       {encode_request_head("POST", "/" + evil, fields({{"Host", "a"}})),
        encode_request_head("POST", "/", fields({{"Host", "a"}, {"X", evil}})),
        encode_request_head("POST", "/", fields({{"Host", "a"}, {evil, "x"}})),
        encode_request_head(evil, "/", fields({{"Host", "a"}}))}) {
    EXPECT_EQ(head.find("\r\n\r\n"), head.size() - 4) << head;
    EXPECT_LE(std::count(head.begin(), head.end(), '\n'), 4) << head;
    EXPECT_EQ(head.find('\0'), std::string::npos);
  }
  EXPECT_EQ(encode_response_head(200, evil, {}).find("\r\n\r\n"),
            encode_response_head(200, evil, {}).size() - 4);
}

// Wherever it stands: clean text is copied many bytes at a time.
TEST(Encode, LeavesOutEachControlByteAndNoOther) {
  for (const char c : {'\0', '\r', '\n', '\x1F', '\x7F', '\t', ' ', '\x80', '\xFF'}) {
    const bool clean = c == '\t' || c == ' ' || static_cast<unsigned char>(c) >= 0x80;
    for (size_t at = 0; at <= 40; ++at) {
      std::string value(at, 'a');
      const std::string rest(40 - at, 'b');
      const std::string kept = value + (clean ? std::string(1, c) : "") + rest;
      value.append(1, c).append(rest);
      EXPECT_EQ(encode_response_head(200, "", fields({{"Name", value}, {"Next", "x"}})),
                "HTTP/1.1 200 OK\r\nName: " + kept + "\r\nNext: x\r\n\r\n");
    }
  }
}

TEST(Encode, WritesNothingOfFieldsThatWereErased) {
  Headers headers = fields({{"Gone", "a\tb"}, {"Here", "c"}, {"Gone", "d"}});
  headers.erase("gone");
  EXPECT_EQ(encode_response_head(200, "", headers), "HTTP/1.1 200 OK\r\nHere: c\r\n\r\n");
}

TEST(Encode, ChunksAreReadBack) {
  std::string text =
      encode_request_head("POST", "/", fields({{"Host", "a"}, {"Transfer-Encoding", "chunked"}}));
  for (const std::string& piece : {std::string("hello"), std::string(300, 'x')}) {
    text.append(ChunkSize(piece.size()).view()).append(piece).append(kChunkEnd);
  }
  text += kLastChunk;
  EXPECT_NE(text.find("\r\n12c\r\n"), std::string::npos);
  Pieces pieces;
  pieces.emplace_back(text);
  EXPECT_EQ(
      request_transcript(pieces),
      "head POST / 1.1 host=a body=chunked keep [Host=a] [Transfer-Encoding=chunked]\nbody hello" +
          std::string(300, 'x') + "\nend\nidle\n");
}

TEST(Encode, WritesTheSizeOfAnyChunk) {
  EXPECT_EQ(ChunkSize(1).view(), "1\r\n");
  EXPECT_EQ(ChunkSize(0xabc).view(), "abc\r\n");
  EXPECT_EQ(ChunkSize(SIZE_MAX).view(), "ffffffffffffffff\r\n");
}

TEST(Encode, TheLastChunkMayHaveFieldsBehindIt) {
  EXPECT_EQ(encode_last_chunk({}), kLastChunk);
  EXPECT_EQ(encode_last_chunk(fields({{"X-Culvert-Resumed", "2"}})),
            "0\r\nX-Culvert-Resumed: 2\r\n\r\n");
  EXPECT_EQ(encode_last_chunk(fields({{"A", "1\r\nB: 2"}})), "0\r\nA: 1B: 2\r\n\r\n");
}

TEST(Headers, CompareNamesWithoutCaseAndKeepOrder) {
  Headers headers = fields({{"A", "1"}, {"b", "2"}, {"a", "3"}});
  EXPECT_EQ(*headers.find("a"), "1");
  EXPECT_FALSE(headers.find("c"));
  EXPECT_EQ(headers.count("A"), 2U);
  EXPECT_EQ(headers.joined("a"), "1, 3");
  headers.set("A", "4");
  EXPECT_EQ(headers.joined("a"), "4");
  headers.erase("B");
  EXPECT_EQ(headers.size(), 1U);
}

TEST(Headers, StayWhatTheyWereInCopiesOfAnySize) {
  for (const size_t size : {0U, 1U, 1000U}) {
    Headers headers = fields({{"Gone", "1"}, {"Name", std::string(size, 'x')}});
    headers.append_to_last(", y");
    headers.erase("gone");
    const Headers copy = headers;
    const Headers moved = std::move(headers);
    for (const Headers* one : {&copy, &moved}) {
      ASSERT_EQ(one->size(), 1U);
      EXPECT_EQ(one->joined("name"), std::string(size, 'x') + ", y");
    }
  }
}

}  // namespace
}  // namespace culvert::test
