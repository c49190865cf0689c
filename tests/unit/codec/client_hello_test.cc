// ClientHellos of real libraries (the fuzzer's seeds) and made ones, at every split, in records of
// every size; and what must be refused, with the sentence and the alert that say so.
#include "relay/codec/client_hello.h"

#include "tests/unit/codec/client_hello_text.h"
#include "tests/unit/codec/hello_bytes.h"
#include "tests/unit/codec/split.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace culvert::test {
namespace {

using namespace std::string_literals;  // NOLINT(google-build-using-namespace)

std::string said(std::string_view bytes) { return at_every_split(bytes, hello_said); }

void expect_refused(const std::string& bytes, TlsAlert alert, std::string_view words) {
  const std::string text = said(bytes);
  EXPECT_TRUE(text.starts_with(std::to_string(static_cast<int>(alert)) + " ")) << text;
  EXPECT_NE(text.find(words), std::string::npos) << text;
}

std::string seed(const std::string& name) {
  std::ifstream in("tests/data/fuzz/client_hello/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string alpn(std::string_view names) { return extension(16, counted(names, 2)); }

// What a browser sends: GREASE everywhere, a post-quantum share, ECH.
std::string browser_extensions() {
  const std::string share = number(0x11EC, 2) + counted(std::string(1216, 'k'), 2);
  return extension(0x2A2A, "") + server_name("Chat.Example.COM") +
         alpn(counted("\x0A\x0A", 1) + counted("h2", 1) + counted("http/1.1", 1)) +
         extension(43, counted("\xFA\xFA\x03\x04\x03\x03", 1)) + extension(51, counted(share, 2)) +
         extension(0xFE0D, "\0\0\x01\0\x01"s + std::string(200, 'e')) + extension(0xBABA, "\0"s);
}

TEST(ClientHello, OfOpenSsl) {
  EXPECT_EQ(said(seed("openssl")), "name=relay.example alpn=h2 alpn=http/1.1 772 771");
  EXPECT_EQ(said(seed("openssl_no_name")), "name= 772 771");
  EXPECT_EQ(said(seed("openssl_tls12")), "name=old.example 771");
}

TEST(ClientHello, OfChromium) {
  const std::string text = said(seed("chromium"));
  EXPECT_TRUE(text.starts_with("name=chat.example alpn=h2 alpn=http/1.1 772 771")) << text;
}

TEST(ClientHello, OfABrowserInOneRecord) {
  EXPECT_EQ(said(hello(browser_extensions())),
            "name=chat.example.com alpn=h2 alpn=http/1.1 772 771 ech");
}

TEST(ClientHello, InRecordsOfEverySize) {
  const std::string message = handshake(hello_body(browser_extensions()));
  const std::string expected = hello_said(cut_at(records(message), 0));
  for (size_t size = 1; size <= message.size(); ++size) {
    ASSERT_EQ(hello_said(cut_at(records(message, size), 0)), expected) << size;
  }
  EXPECT_EQ(said(records(message, 1)), expected);
}

TEST(ClientHello, WithoutExtensions) {
  const std::string body = hello_body("", 0x0301);
  EXPECT_EQ(said(records(handshake(body.substr(0, body.size() - 2)))), "name= 769");
  EXPECT_EQ(said(records(handshake(body))), "name= 769");
}

TEST(ClientHello, EarlyDataAndWhatFollowsAreLeftAlone) {
  const std::string bytes = hello(extension(42, "") + server_name("a"));
  EXPECT_EQ(said(bytes + record("secret", 23)), "name=a 771 early");
  ClientHelloReader reader;
  const auto first = reader.see(bytes);
  ASSERT_TRUE(first && *first != nullptr);
  const auto again = reader.see("anything");
  EXPECT_TRUE(again && *again == *first);
}

TEST(ClientHello, EncryptedHelloInItsInnerFormNamesTheServer) {
  EXPECT_EQ(said(hello(extension(0xFE0D, "\x01"))), "name= 771");
  expect_refused(hello(extension(0xFE0D, "")), TlsAlert::kDecodeError, "RFC 9849");
  expect_refused(hello(extension(0xFE0D, "\x01\x01")), TlsAlert::kIllegalParameter, "RFC 9849");
}

TEST(ClientHello, NeedsAllOfIt) {
  const std::string bytes = hello(browser_extensions());
  for (size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_EQ(hello_said(cut_at(std::string_view(bytes).substr(0, size), 0)), "more") << size;
  }
}

TEST(ClientHello, WhatIsNoTlsIsNamed) {
  const std::pair<std::string, const char*> cases[] = {
      {"GET / HTTP/1.1\r\n", "HTTP request"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/2"},
      {"SSH-2.0-OpenSSH_9.2\r\n", "SSH"},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n", "PROXY header of version 1"},
      {"\x80\x2E\x01\x03\x01\0\x15"s, "SSL 2.0"},
      {"\0\0\0\0"s, "does not speak TLS"},
      {"\x16\x16\x16", "no version of TLS"},
  };
  for (const auto& [bytes, words] : cases) {
    const std::string text = said(bytes);
    EXPECT_TRUE(text.starts_with("- request: the peer does not speak TLS")) << text;
    EXPECT_NE(text.find(words), std::string::npos) << text;
  }
}

TEST(ClientHello, OtherRecordsAndMessages) {
  const std::string message = handshake(hello_body(""));
  const std::string first = record(message.substr(0, 10));
  for (const size_t type : {20U, 21U, 23U, 24U}) {
    expect_refused(record("\x02\x28", type), TlsAlert::kUnexpectedMessage, "another type");
    expect_refused(first + record(message.substr(10), type), TlsAlert::kUnexpectedMessage,
                   "another type");
  }
  expect_refused(first + record(""), TlsAlert::kUnexpectedMessage, "is empty");
  expect_refused(record(""), TlsAlert::kUnexpectedMessage, "is empty");
  expect_refused(first + record("x", 22, 0x0401), TlsAlert::kDecodeError, "version");
  expect_refused(records(handshake(hello_body(""), 2)), TlsAlert::kUnexpectedMessage,
                 "not a ClientHello");
  expect_refused(record(message + "x"), TlsAlert::kUnexpectedMessage, "behind the ClientHello");
  expect_refused("\x16\x03\x01\x40\x01\x01"s, TlsAlert::kRecordOverflow, "16 KiB");
}

TEST(ClientHello, Bounds) {
  const std::string filler = extension(21, std::string(60000, '\0'));
  EXPECT_EQ(hello_said(cut_at(hello(server_name("a") + filler), 0)), "name=a 771");
  const std::string above =
      hello_body(filler + extension(22, std::string(65535 - filler.size() - 4, 'x')));
  ASSERT_GT(above.size(), ClientHelloReader::kMessageBytes);
  EXPECT_EQ(hello_said(cut_at(records(handshake(above)), 0)),
            "47 limit: the ClientHello is larger than 64 KiB");
  const std::string many = records(handshake(hello_body(filler)), 1);
  EXPECT_EQ(hello_said(cut_at(many, 0)),
            "47 limit: the ClientHello comes in more than 4096 records");
}

TEST(ClientHello, ServerNamesThatAreNone) {
  const std::string label(64, 'a');
  for (const std::string& name :
       {""s, "127.0.0.1"s, "::1"s, "[::1]"s, "a..b"s, "a."s, ".a"s, "a\0b"s, "a b"s, "-a"s, "a/b"s,
        "\xC3\xA4.example"s, "*.a"s, "a:443"s, label}) {
    expect_refused(hello(server_name(name)), TlsAlert::kIllegalParameter, "no host name");
  }
  expect_refused(hello(server_name(std::string(300, 'a'))), TlsAlert::kIllegalParameter, "no host");
}

TEST(ClientHello, ServerNameInAnotherForm) {
  const std::string entry = number(0, 1) + counted("a", 2);
  for (const std::string& data :
       {""s, counted("", 2), counted(entry + entry, 2), counted(number(1, 1) + counted("a", 2), 2),
        counted(entry, 2) + "x", number(9, 2) + entry, counted("\0\0\x05"s + "a", 2)}) {
    expect_refused(hello(extension(0, data)), TlsAlert::kDecodeError, "RFC 6066");
  }
}

TEST(ClientHello, NoExtensionTwice) {
  for (const std::string& one :
       {server_name("a"), alpn(counted("h2", 1)), extension(0x1A1A, ""), extension(51, "x")}) {
    expect_refused(hello(one + extension(10, "x") + one), TlsAlert::kIllegalParameter,
                   "more than once");
  }
  EXPECT_EQ(said(hello(extension(0x1A1A, "") + extension(0x2A2A, ""))), "name= 771");
}

TEST(ClientHello, LengthsThatDoNotFit) {
  const std::string body = hello_body(server_name("a.example"));
  for (size_t size = 0; size < body.size(); ++size) {
    const std::string text = hello_said(cut_at(records(handshake(body.substr(0, size))), 0));
    // Where the extensions are cut off with their length, a hello without them is left.
    if (text == "name= 771") continue;
    EXPECT_TRUE(text.starts_with("50 request: ")) << size << ": " << text;
  }
  expect_refused(records(handshake(body + "x")), TlsAlert::kDecodeError, "length");
  const std::string start = body.substr(0, 34);
  for (const std::string& rest :
       {counted(std::string(33, 's'), 1) + counted("ab", 2) + counted("\0"s, 1),
        counted("", 1) + counted("", 2) + counted("\0"s, 1),
        counted("", 1) + counted("abc", 2) + counted("\0"s, 1),
        counted("", 1) + counted("ab", 2) + counted("", 1),
        counted("", 1) + counted("ab", 2) + counted("\0"s, 1) + "x"}) {
    expect_refused(records(handshake(start + rest)), TlsAlert::kDecodeError, "RFC 8446");
  }
  for (const std::string& bad :
       {extension(16, ""), alpn(""), alpn(counted("", 1)), alpn("\x05h2"),
        alpn(counted("h2", 1)) + "x", extension(43, ""), extension(43, counted("", 1)),
        extension(43, counted("\x03", 1)), extension(43, counted("\x03\x04", 1) + "x"),
        extension(42, "x"), "\0"s}) {
    expect_refused(hello(bad), TlsAlert::kDecodeError, "RFC");
  }
  std::string many;
  for (int i = 0; i < 65; ++i) many += counted("h2", 1);
  expect_refused(hello(alpn(many)), TlsAlert::kIllegalParameter, "64");
}

TEST(ClientHello, OldVersions) {
  for (const size_t version : {0x0002U, 0x0200U, 0x0300U, 0x0400U, 0xFEFDU}) {
    expect_refused(records(handshake(hello_body("", version))), TlsAlert::kProtocolVersion,
                   "TLS 1.0 or later");
  }
}

}  // namespace
}  // namespace culvert::test
