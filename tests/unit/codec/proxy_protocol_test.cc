// HAProxy's proxy-protocol.txt line by line: what it allows, what it forbids, at every split; and
// what is written is read again as the same.
#include "relay/codec/proxy_protocol.h"

#include "relay/base/crc32c.h"
#include "tests/unit/codec/hello_bytes.h"
#include "tests/unit/codec/split.h"

#include <gtest/gtest.h>

namespace culvert::test {
namespace {

using namespace std::string_literals;  // NOLINT(google-build-using-namespace)

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

std::string text_of(const Result<std::optional<ProxyHeader>>& read) {
  if (!read) return std::string(to_string(read.error().stage)) + ": " + read.error().detail;
  if (!read->has_value()) return "more";
  const ProxyHeader& header = **read;
  const std::string length = " " + std::to_string(header.length);
  if (header.kind == ProxyHeader::Kind::kLocal) return "local" + length;
  return header.source.text() + " > " + header.destination.text() + length;
}

// The first answer that is none of "more", while the bytes come in piece by piece.
std::string said(std::string_view bytes, ProxyVersions versions = ProxyVersions::kEither) {
  return at_every_split(bytes, [versions](const Pieces& pieces) {
    std::string so_far;
    for (const Piece& piece : pieces) {
      so_far += piece.view();
      const std::string text = text_of(read_proxy_header(Piece(so_far).view(), versions));
      if (text != "more") return text;
    }
    return "more"s;
  });
}

void expect_refused(const std::string& bytes, std::string_view words) {
  const std::string text = said(bytes);
  EXPECT_TRUE(text.starts_with("request: the PROXY header ")) << bytes << ": " << text;
  EXPECT_NE(text.find(words), std::string::npos) << bytes << ": " << text;
}

std::string version_two(size_t command, size_t family, std::string_view block) {
  return kSignature + number(command, 1) + number(family, 1) + counted(block, 2);
}

const std::string kFour = "\x0A\x01\x02\x03\xC0\x00\x02\x07\xDB\xF8\x01\xBB"s;

std::string tlv(size_t type, std::string_view value) { return number(type, 1) + counted(value, 2); }

std::string with_crc(const std::string& before, const std::string& after) {
  const std::string block = kFour + before + tlv(3, "\0\0\0\0"s) + after;
  std::string whole = version_two(0x21, 0x11, block);
  const size_t at = 16 + kFour.size() + before.size() + 3;
  return whole.replace(at, 4, number(crc32c(whole), 4));
}

TEST(ProxyProtocolOne, Addresses) {
  EXPECT_EQ(said("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET /"),
            "192.168.0.1:56324 > 192.168.0.11:443 47");
  EXPECT_EQ(said("PROXY TCP4 255.255.255.255 255.255.255.255 65535 0\r\n"),
            "255.255.255.255:65535 > 255.255.255.255:0 52");
  EXPECT_EQ(said("PROXY TCP6 2001:db8::1 ::1 1 2\r\n"), "[2001:db8::1]:1 > [::1]:2 32");
  EXPECT_EQ(said("PROXY TCP6 ::ffff:10.0.0.1 2001:DB8::2 1 2\r\n"),
            "10.0.0.1:1 > [2001:db8::2]:2 44");
  const std::string longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  const std::string line = "PROXY TCP6 " + longest + " " + longest + " 65535 65535\r\n";
  EXPECT_EQ(said(line), "[" + longest + "]:65535 > [" + longest + "]:65535 104");
}

TEST(ProxyProtocolOne, UnknownSaysNothing) {
  EXPECT_EQ(said("PROXY UNKNOWN\r\nrest\r\n"), "local 15");
  EXPECT_EQ(said("PROXY UNKNOWN what ever it 1 is\r\n"), "local 33");
  EXPECT_EQ(said("PROXY UNKNOWN " + std::string(91, 'f') + "\r\n"), "local 107");
  expect_refused("PROXY UNKNOWNS\r\n", "another protocol");
}

TEST(ProxyProtocolOne, IsStrict) {
  expect_refused("PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n", "another protocol");
  expect_refused("PROXY tcp4 1.1.1.1 2.2.2.2 1 2\r\n", "another protocol");
  expect_refused("PROXY \r\n", "another protocol");
  for (const char* addresses :
       {"1.1.1.1 2.2.2", "01.1.1.1 2.2.2.2", "1.1.1.1 ::1", "::1 2.2.2.2", " 1.1.1.1 2.2.2.2",
        "1.1.1.1  2.2.2.2", "1.1.1.256 2.2.2.2", "a.example 2.2.2.2", "0x1.1.1.1 2.2.2.2"}) {
    expect_refused("PROXY TCP4 "s + addresses + " 1 2\r\n", "address");
  }
  for (const char* addresses :
       {"1.1.1.1 2.2.2.2", "::1 2.2.2.2", "[::1] ::1", "::1%lo ::1", "::1::2 ::1", "12345:: ::1"}) {
    expect_refused("PROXY TCP6 "s + addresses + " 1 2\r\n", "address");
  }
  for (const char* ports : {"1", "1 ", " 1 2", "1  2", "1 2 ", "01 2", "1 65536", "-1 2", "+1 2",
                            "1 2 3", "1 2x", "1\t2", "1 2\r"}) {
    expect_refused("PROXY TCP4 1.1.1.1 2.2.2.2 "s + ports + "\r\n", "ports");
  }
  expect_refused("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\nGET / HTTP/1.1\r\n", "without CR");
  expect_refused("PROXY\t", "is missing");
  expect_refused("proxy TCP4", "is missing");
  expect_refused("GET / HTTP/1.1", "is missing");
  expect_refused("\x16\x03\x01", "is missing");
}

TEST(ProxyProtocolOne, EndsWithin107Bytes) {
  const std::string start = "PROXY UNKNOWN ";
  EXPECT_EQ(said(start + std::string(92, 'f')), "more");
  EXPECT_EQ(said(start + std::string(93, 'f')),
            "limit: the PROXY header of version 1 does not end within 107 bytes");
  EXPECT_EQ(said(start + std::string(92, 'f') + "\r\n"),
            "limit: the PROXY header of version 1 does not end within 107 bytes");
}

TEST(ProxyProtocolTwo, Addresses) {
  EXPECT_EQ(said(version_two(0x21, 0x11, kFour) + "more"), "10.1.2.3:56312 > 192.0.2.7:443 28");
  const std::string six = "\x20\x01\x0D\xB8"s + std::string(11, '\0') + "\x01" +
                          std::string(10, '\0') + "\xFF\xFF\x0A\0\0\x01"s + "\0\x01\0\x02"s;
  EXPECT_EQ(said(version_two(0x21, 0x21, six)), "[2001:db8::1]:1 > 10.0.0.1:2 52");
}

TEST(ProxyProtocolTwo, LocalAndWhatHasNoTcpAddress) {
  EXPECT_EQ(said(version_two(0x20, 0x00, "")), "local 16");
  EXPECT_EQ(said(version_two(0x20, 0x11, "whatever")), "local 24");
  EXPECT_EQ(said(version_two(0x20, 0xFF, "whatever")), "local 24");
  EXPECT_EQ(said(version_two(0x21, 0x00, "whatever")), "local 24");
  EXPECT_EQ(said(version_two(0x21, 0x10, "whatever")), "local 24");
  EXPECT_EQ(said(version_two(0x21, 0x12, kFour)), "local 28");
  EXPECT_EQ(said(version_two(0x21, 0x31, std::string(216, 'u'))), "local 232");
  EXPECT_EQ(said(version_two(0x21, 0x32, std::string(216, 'u') + tlv(4, ""))), "local 235");
}

TEST(ProxyProtocolTwo, TlvsAreSkippedWithinTheirBounds) {
  EXPECT_EQ(
      said(version_two(0x21, 0x11, kFour + tlv(2, "a.example") + tlv(4, "") + tlv(0xE4, "x"))),
      "10.1.2.3:56312 > 192.0.2.7:443 47");
  expect_refused(version_two(0x21, 0x11, kFour + "\x04"), "TLV");
  expect_refused(version_two(0x21, 0x11, kFour + "\x04\0"s), "TLV");
  expect_refused(version_two(0x21, 0x11, kFour + "\x04\0\x02x"s), "TLV");
}

TEST(ProxyProtocolTwo, ChecksumsAreHeld) {
  const std::string right = with_crc(tlv(2, "a"), tlv(4, "pad"));
  EXPECT_EQ(said(right), "10.1.2.3:56312 > 192.0.2.7:443 45");
  for (size_t at = 16; at < right.size(); ++at) {
    std::string wrong = right;
    wrong[at] = static_cast<char>(wrong[at] ^ 1);
    const std::string text = text_of(read_proxy_header(wrong, ProxyVersions::kTwo));
    // A type that is no longer that of the checksum is skipped like any other.
    if (at == 16 + kFour.size() + 4) continue;
    EXPECT_TRUE(text.starts_with("request: ")) << at << " " << text;
  }
  expect_refused(version_two(0x21, 0x11, kFour + tlv(3, "abc")), "CRC-32C");
  expect_refused(with_crc("", tlv(3, "abcd")), "CRC-32C");
}

TEST(ProxyProtocolTwo, IsStrict) {
  expect_refused(version_two(0x11, 0x11, kFour), "another version");
  expect_refused(version_two(0x22, 0x11, kFour), "unknown command");
  expect_refused(version_two(0x21, 0x41, kFour), "unknown family");
  expect_refused(version_two(0x21, 0x13, kFour), "unknown family");
  expect_refused(version_two(0x21, 0x11, kFour.substr(1)), "too short");
  expect_refused(version_two(0x21, 0x21, kFour), "too short");
  expect_refused(version_two(0x21, 0x31, kFour), "too short");
  expect_refused(kSignature.substr(0, 11) + "X", "is missing");
}

TEST(ProxyProtocolTwo, HasABound) {
  const std::string filler(proxy_protocol::kBlockBytes - kFour.size() - 3, 'x');
  EXPECT_EQ(text_of(read_proxy_header(version_two(0x21, 0x11, kFour + tlv(4, filler)),
                                      ProxyVersions::kEither)),
            "10.1.2.3:56312 > 192.0.2.7:443 " + std::to_string(proxy_protocol::kBytes));
  EXPECT_EQ(said(kSignature + "\x21\x11" + number(proxy_protocol::kBlockBytes + 1, 2)),
            "limit: the PROXY header of version 2 is longer than 4 KiB");
}

TEST(ProxyProtocol, OnlyTheVersionThatIsExpected) {
  const std::string one = "PROXY UNKNOWN\r\n";
  const std::string two = version_two(0x20, 0, "");
  EXPECT_EQ(said(one, ProxyVersions::kOne), "local 15");
  EXPECT_EQ(said(two, ProxyVersions::kTwo), "local 16");
  EXPECT_NE(said(one, ProxyVersions::kTwo).find("only version 2"), std::string::npos);
  EXPECT_NE(said(two, ProxyVersions::kOne).find("only version 1"), std::string::npos);
}

TEST(ProxyProtocol, WritesWhatItReads) {
  const auto at = [](const char* text) { return *SocketAddress::parse(text); };
  const std::pair<SocketAddress, SocketAddress> cases[] = {
      {at("192.0.2.1:65535"), at("10.0.0.1:1")},
      {at("[2001:db8::1]:1234"), at("[::1]:443")},
      {at("192.0.2.1:80"), at("[2001:db8::1]:443")},
      {at("[2001:db8::1]:443"), at("192.0.2.1:80")},
  };
  for (const auto& [source, destination] : cases) {
    for (const ProxyVersion version : {ProxyVersion::kOne, ProxyVersion::kTwo}) {
      const std::string bytes = write_proxy_header(version, source, destination);
      EXPECT_EQ(said(bytes),
                source.text() + " > " + destination.text() + " " + std::to_string(bytes.size()));
    }
  }
  EXPECT_EQ(write_proxy_header(ProxyVersion::kOne, cases[0].first, cases[0].second),
            "PROXY TCP4 192.0.2.1 10.0.0.1 65535 1\r\n");
  EXPECT_EQ(write_proxy_header(ProxyVersion::kOne, cases[2].first, cases[2].second),
            "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::1 80 443\r\n");
  EXPECT_EQ(write_proxy_header(ProxyVersion::kTwo, cases[0].first, cases[0].second),
            version_two(0x21, 0x11, "\xC0\x00\x02\x01\x0A\x00\x00\x01\xFF\xFF\x00\x01"s));
  EXPECT_EQ(said(write_local_proxy_header(ProxyVersion::kOne)), "local 15");
  EXPECT_EQ(said(write_local_proxy_header(ProxyVersion::kTwo)), "local 16");
}

}  // namespace
}  // namespace culvert::test
