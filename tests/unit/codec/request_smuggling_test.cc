// The corpus of requests that two readers could understand differently, a row each with the section
// that settles it and the verdict. A row that is refused must be refused at every split, with a
// sentence, and without a second request seen in it.
#include "tests/unit/codec/split.h"
#include "tests/unit/codec/transcript.h"

#include <gtest/gtest.h>

#include <cctype>
#include <ostream>
#include <string>
#include <vector>

namespace culvert::test {
namespace {

struct Row {
  const char* name;
  const char* section;
  int status;  // 0: taken
  std::string bytes;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name << " (" << row.section << ")"; }

const char kGet[] = "GET / HTTP/1.1\r\nHost: a\r\n";
const char kPost[] = "POST /p HTTP/1.1\r\nHost: a\r\n";
const char kChunked[] = "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string nul(const char* before, const char* after) {
  return std::string(before) + std::string(1, '\0') + after;
}

const std::vector<Row>& rows() {
  static const std::vector<Row> kRows = {
      // Length against coding
      {"both, length first", "RFC 9112 §6.1", 400,
       std::string(kPost) + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"both, coding first", "RFC 9112 §6.1", 400,
       std::string(kPost) + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"},
      {"two lengths that differ", "RFC 9112 §6.3", 400,
       std::string(kPost) + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"},
      {"two equal lengths", "RFC 9112 §6.3", 400,
       std::string(kPost) + "Content-Length: 1\r\nContent-Length: 1\r\n\r\na"},
      {"lengths in a list", "RFC 9110 §8.6", 400,
       std::string(kPost) + "Content-Length: 1, 1\r\n\r\na"},
      {"length with a sign", "RFC 9110 §8.6", 400,
       std::string(kPost) + "Content-Length: +1\r\n\r\na"},
      {"negative length", "RFC 9110 §8.6", 400, std::string(kPost) + "Content-Length: -1\r\n\r\na"},
      {"hexadecimal length", "RFC 9110 §8.6", 400,
       std::string(kPost) + "Content-Length: 0x1\r\n\r\na"},
      {"length with a space inside", "RFC 9110 §8.6", 400,
       std::string(kPost) + "Content-Length: 1 2\r\n\r\na"},
      {"empty length", "RFC 9110 §8.6", 400, std::string(kPost) + "Content-Length:\r\n\r\n"},
      {"length beyond 64 bits", "RFC 9110 §8.6", 400,
       std::string(kPost) + "Content-Length: 18446744073709551617\r\n\r\na"},
      {"length in full-width digits", "RFC 9110 §8.6", 400,
       std::string(kPost) + "Content-Length: \xEF\xBC\x91\r\n\r\na"},
      {"length of CONNECT", "RFC 9110 §9.3.6", 400,
       "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: 3\r\n\r\nabc"},
      {"coding of CONNECT", "RFC 9110 §9.3.6", 400,
       "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"GET with content", "RFC 9110 §9.3.1", 400,
       std::string(kGet) + "Content-Length: 3\r\n\r\nabc"},
      {"GET with chunks", "RFC 9110 §9.3.1", 400,
       std::string(kGet) + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"HEAD with content", "RFC 9110 §9.3.2", 400,
       "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"},
      {"GET with no bytes of content", "RFC 9110 §9.3.1", 0,
       std::string(kGet) + "Content-Length: 0\r\n\r\n"},
      // Codings
      {"coding in HTTP/1.0", "RFC 9112 §6.1", 400,
       "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"gzip, chunked", "RFC 9112 §6.1", 501,
       std::string(kPost) + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
      {"chunked, identity", "RFC 9112 §6.1", 501,
       std::string(kPost) + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"},
      {"identity", "RFC 9112 §6.1", 501,
       std::string(kPost) + "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n"},
      {"xchunked", "RFC 9112 §6.1", 501,
       std::string(kPost) + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
      {"chunked in quotes", "RFC 9112 §6.1", 501,
       std::string(kPost) + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"},
      {"chunked with a parameter", "RFC 9112 §6.1", 501,
       std::string(kPost) + "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"},
      {"chunked twice in one line", "RFC 9112 §6.1", 501,
       std::string(kPost) + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"},
      {"chunked twice in two lines", "RFC 9112 §6.1", 400,
       std::string(kPost) +
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"empty coding", "RFC 9112 §6.1", 501,
       std::string(kPost) + "Transfer-Encoding:\r\n\r\n0\r\n\r\n"},
      {"chunked after a vertical tab", "RFC 9110 §5.5", 400,
       std::string(kPost) + "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n"},
      {"Chunked in other case", "RFC 9110 §7", 0,
       std::string(kPost) + "transfer-encoding: CHUNKED\r\n\r\n0\r\n\r\n"},
      // Field lines
      {"space before the colon", "RFC 9112 §5.1", 400,
       std::string(kPost) + "Content-Length : 1\r\n\r\na"},
      {"tab before the colon", "RFC 9112 §5.1", 400,
       std::string(kPost) + "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"},
      {"folded value", "RFC 9112 §5.2", 400, std::string(kGet) + "A: b\r\n c\r\n\r\n"},
      {"folded with a tab", "RFC 9112 §5.2", 400, std::string(kGet) + "A: b\r\n\tc\r\n\r\n"},
      {"folded coding", "RFC 9112 §5.2", 400,
       std::string(kPost) + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"},
      {"folded length", "RFC 9112 §5.2", 400,
       std::string(kPost) + "Content-Length:\r\n 1\r\n\r\na"},
      {"space before the first field", "RFC 9112 §2.2", 400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
      {"space before a later length", "RFC 9112 §5.2", 400,
       std::string(kPost) + " Content-Length: 1\r\n\r\na"},
      {"coding hidden behind a bare CR", "RFC 9112 §2.2", 400,
       std::string(kPost) + "X-Abc:\rxTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"bare CR in a value", "RFC 9112 §2.2", 400, std::string(kGet) + "A: b\rc\r\n\r\n"},
      {"bare LF after a field", "RFC 9112 §2.2", 400, std::string(kGet) + "A: b\nC: d\r\n\r\n"},
      {"bare LF after the request line", "RFC 9112 §2.2", 400, "GET / HTTP/1.1\nHost: a\r\n\r\n"},
      {"bare LF at the head's end", "RFC 9112 §2.2", 400, std::string(kGet) + "\nGET /2 HTTP/1.1"},
      {"bare CR at the head's end", "RFC 9112 §2.2", 400, std::string(kGet) + "\rGET /2 HTTP/1.1"},
      {"CR CR LF", "RFC 9112 §2.2", 400, "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"},
      {"NUL in a value", "RFC 9110 §5.5", 400, std::string(kGet) + nul("A: b", "c\r\n\r\n")},
      {"NUL in a name", "RFC 9110 §5.1", 400, std::string(kGet) + nul("A", ": c\r\n\r\n")},
      {"DEL in a value", "RFC 9110 §5.5", 400, std::string(kGet) + "A: b\x7F\r\n\r\n"},
      {"escape in a value", "RFC 9110 §5.5", 400, std::string(kGet) + "A: b\x1B[2J\r\n\r\n"},
      {"field without a name", "RFC 9112 §5", 400, std::string(kGet) + ": b\r\n\r\n"},
      {"field without a colon", "RFC 9112 §5", 400, std::string(kGet) + "Abc\r\n\r\n"},
      {"name with a slash", "RFC 9110 §5.1", 400, std::string(kGet) + "A/b: c\r\n\r\n"},
      {"name with 8-bit bytes", "RFC 9110 §5.1", 400, std::string(kGet) + "\xC3\xA4: c\r\n\r\n"},
      {"name in brackets", "RFC 9110 §5.1", 400, std::string(kGet) + "(A): c\r\n\r\n"},
      {"8-bit bytes in a value", "RFC 9110 §5.5", 0, std::string(kGet) + "A: \xC3\xA4\r\n\r\n"},
      {"empty value", "RFC 9110 §5.5", 0, std::string(kGet) + "A:\r\n\r\n"},
      {"value with tabs around", "RFC 9112 §5.1", 0, std::string(kGet) + "A:\t b \t\r\n\r\n"},
      // Request line
      {"two spaces after the method", "RFC 9112 §3", 400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"two spaces after the target", "RFC 9112 §3", 400, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"tab after the method", "RFC 9112 §3", 400, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"space at the line's end", "RFC 9112 §3", 400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
      {"space before the method", "RFC 9112 §3", 400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"space in the target", "RFC 9112 §3.2", 400, "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"no target", "RFC 9112 §3", 400, "GET HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"no version", "RFC 9112 §3", 400, "GET /\r\nHost: a\r\n\r\n"},
      {"HTTP/0.9", "RFC 9112 §2.3", 505, "GET / HTTP/0.9\r\nHost: a\r\n\r\n"},
      {"HTTP/2.0", "RFC 9112 §2.3", 505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
      {"HTTP/1.2", "RFC 9112 §2.3", 505, "GET / HTTP/1.2\r\nHost: a\r\n\r\n"},
      {"HTTP/1.10", "RFC 9112 §2.3", 400, "GET / HTTP/1.10\r\nHost: a\r\n\r\n"},
      {"HTTP/01.1", "RFC 9112 §2.3", 505, "GET / HTTP/01.1\r\nHost: a\r\n\r\n"},
      {"http/1.1 in small letters", "RFC 9112 §2.3", 400, "GET / http/1.1\r\nHost: a\r\n\r\n"},
      {"other protocol", "RFC 9112 §2.3", 400, "GET / RTSP/1.0\r\nHost: a\r\n\r\n"},
      {"HTTP/2 preface", "RFC 9113 §3.4", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {"method in small letters", "RFC 9110 §9.1", 501, "get / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"TRACE", "RFC 9110 §9.3.8", 501, "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"WebDAV", "RFC 9110 §9.1", 501, "PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"unknown method", "RFC 9110 §9.1", 501, "BREW / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"method that begins like one", "RFC 9110 §9.1", 501, "GETX / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"TLS where plain text is spoken", "RFC 9112 §3", 400, nul("\x16\x03\x01", "\x05")},
      {"fragment", "RFC 9112 §3.2", 400, "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"fragment in a query", "RFC 9112 §3.2", 400, "GET /a?b#c HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"8-bit byte in the target", "RFC 3986 §2", 400, "GET /\xC3\xA4 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"NUL in the target", "RFC 3986 §2", 400, nul("GET /a", "b HTTP/1.1\r\nHost: a\r\n\r\n")},
      {"dot segments", "RFC 3986 §3.3", 400, "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"hidden dot segments", "RFC 3986 §3.3", 400, "GET /a/%2E%2e/b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"backslash", "RFC 3986 §3.3", 400, "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"relative target", "RFC 9112 §3.2", 400, "GET a HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"asterisk for GET", "RFC 9112 §3.2.4", 400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"asterisk for OPTIONS", "RFC 9112 §3.2.4", 0, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"empty lines before", "RFC 9112 §2.2", 0, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"too many empty lines before", "RFC 9112 §2.2", 400,
       "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"bare LF before", "RFC 9112 §2.2", 400, "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"bare CR before", "RFC 9112 §2.2", 400, "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      // Host
      {"no Host", "RFC 9112 §3.2", 400, "GET / HTTP/1.1\r\nA: b\r\n\r\n"},
      {"no Host in HTTP/1.0", "RFC 9112 §3.2", 0, "GET / HTTP/1.0\r\nA: b\r\n\r\n"},
      {"two Hosts", "RFC 9112 §3.2", 400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
      {"two equal Hosts", "RFC 9112 §3.2", 400, "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"},
      {"two Hosts in HTTP/1.0", "RFC 9112 §3.2", 400,
       "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"},
      {"empty Host", "RFC 9112 §3.2", 400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
      {"Host with user information", "RFC 9112 §3.2", 400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
      {"Host with a path", "RFC 9112 §3.2", 400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {"Hosts in a list", "RFC 9112 §3.2", 400, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},
      {"Host with a bad port", "RFC 9112 §3.2", 400, "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n"},
      {"other host in absolute-form", "RFC 9112 §3.2.2", 400,
       "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"user information in absolute-form", "RFC 9110 §4.2.4", 400,
       "GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n"},
      {"other scheme in absolute-form", "RFC 9112 §3.2.2", 400,
       "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"CONNECT without a port", "RFC 9112 §3.2.3", 400, "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"CONNECT to a path", "RFC 9112 §3.2.3", 400, "CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"CONNECT with another Host", "RFC 9112 §3.2", 400,
       "CONNECT a:443 HTTP/1.1\r\nHost: b:443\r\n\r\n"},
      // Doubles and expectations
      {"two types", "RFC 9110 §5.3", 400,
       std::string(kPost) + "Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n"},
      {"two credentials", "RFC 9110 §5.3", 400,
       std::string(kPost) + "Authorization: Bearer a\r\nauthorization: Bearer b\r\n\r\n"},
      {"two keys", "RFC 9110 §5.3", 400,
       std::string(kPost) + "x-api-key: a\r\nX-Api-Key: b\r\n\r\n"},
      {"two relay tokens", "RFC 9110 §5.3", 400,
       std::string(kPost) + "X-Culvert-Token: a\r\nX-Culvert-Token: b\r\n\r\n"},
      {"a list field twice", "RFC 9110 §5.3", 0,
       std::string(kGet) + "Accept: a/b\r\nAccept: c/d\r\n\r\n"},
      {"other expectation", "RFC 9110 §10.1.1", 417,
       std::string(kPost) + "Expect: cookies\r\n\r\n"},
      {"expectation with a rest", "RFC 9110 §10.1.1", 417,
       std::string(kPost) + "Expect: 100-continue, x\r\nContent-Length: 1\r\n\r\na"},
      // Chunks
      {"chunk size with 0x", "RFC 9112 §7.1", 400, std::string(kChunked) + "0x1\r\na\r\n0\r\n\r\n"},
      {"chunk size with a sign", "RFC 9112 §7.1", 400,
       std::string(kChunked) + "+1\r\na\r\n0\r\n\r\n"},
      {"chunk size with a space", "RFC 9112 §7.1", 400,
       std::string(kChunked) + "1 \r\na\r\n0\r\n\r\n"},
      {"space before the chunk size", "RFC 9112 §7.1", 400,
       std::string(kChunked) + " 1\r\na\r\n0\r\n\r\n"},
      {"no chunk size", "RFC 9112 §7.1", 400, std::string(kChunked) + "\r\na\r\n0\r\n\r\n"},
      {"chunk size beyond 64 bits", "RFC 9112 §7.1", 400,
       std::string(kChunked) + "10000000000000001\r\na\r\n0\r\n\r\n"},
      {"chunk size line ended by LF", "RFC 9112 §7.1", 400,
       std::string(kChunked) + "1\na\r\n0\r\n\r\n"},
      {"chunk data ended by LF", "RFC 9112 §7.1", 400, std::string(kChunked) + "1\r\na\n0\r\n\r\n"},
      {"chunk data not ended", "RFC 9112 §7.1", 400, std::string(kChunked) + "1\r\na0\r\n\r\n"},
      {"more data than its size", "RFC 9112 §7.1", 400,
       std::string(kChunked) + "1\r\nab\r\n0\r\n\r\n"},
      {"bare LF in an extension", "RFC 9112 §7.1.1", 400,
       std::string(kChunked) + "1;a\nb\r\na\r\n0\r\n\r\n"},
      {"bare CR in an extension", "RFC 9112 §7.1.1", 400,
       std::string(kChunked) + "1;a\rb\r\na\r\n0\r\n\r\n"},
      {"an honest extension", "RFC 9112 §7.1.1", 0,
       std::string(kChunked) + "1;a=b;c=\"d\"\r\na\r\n0\r\n\r\n"},
      {"a huge extension", "RFC 9112 §7.1.1", 400,
       std::string(kChunked) + "1;" + std::string(1200, 'x') + "\r\na\r\n0\r\n\r\n"},
      {"a chunk size of a thousand zeros", "RFC 9112 §7.1", 400,
       std::string(kChunked) + std::string(1200, '0') + "1\r\na\r\n0\r\n\r\n"},
      {"LF after the last chunk", "RFC 9112 §7.1", 400, std::string(kChunked) + "0\r\n\n"},
      {"trailers", "RFC 9112 §7.1.2", 0,
       std::string(kChunked) + "1\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\n"},
      {"length in a trailer", "RFC 9110 §6.5.1", 400,
       std::string(kChunked) + "0\r\nContent-Length: 5\r\n\r\n"},
      {"folded trailer", "RFC 9112 §5.2", 400, std::string(kChunked) + "0\r\nA: b\r\n c\r\n\r\n"},
      {"trailer ended by LF", "RFC 9112 §2.2", 400, std::string(kChunked) + "0\r\nA: b\n\r\n"},
      {"NUL in a trailer", "RFC 9110 §5.5", 400,
       std::string(kChunked) + nul("0\r\nA: b", "\r\n\r\n")},
      {"huge trailers", "RFC 9112 §7.1.2", 431,
       std::string(kChunked) + "0\r\nA: " + std::string(8300, 'x') + "\r\n\r\n"},
  };
  return kRows;
}

class Smuggling : public testing::TestWithParam<Row> {};

TEST_P(Smuggling, HasOneVerdictAtEverySplit) {
  const Row& row = GetParam();
  const std::string said =
      at_every_split(row.bytes, [](const Pieces& pieces) { return request_transcript(pieces); });
  if (row.status == 0) {
    EXPECT_EQ(said.find("error"), std::string::npos) << said;
    EXPECT_NE(said.find("end\n"), std::string::npos) << said;
  } else {
    const std::string verdict = "error " + std::to_string(row.status) + " ";
    const size_t at = said.find(verdict);
    ASSERT_NE(at, std::string::npos) << said;
    EXPECT_GT(said.size(), at + verdict.size() + 10) << "an error has a sentence: " << said;
    EXPECT_EQ(said.find("end\n"), std::string::npos) << "nothing of it may look whole: " << said;
  }
}

std::string test_name(const testing::TestParamInfo<Row>& row) {
  std::string name = std::to_string(row.index) + "_" + row.param.name;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Corpus, Smuggling, testing::ValuesIn(rows()), test_name);

}  // namespace
}  // namespace culvert::test
