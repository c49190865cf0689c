// Every protocol that is known is told at every split, and further bytes change nothing.
#include "relay/codec/opening.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert {
namespace {

using namespace std::string_literals;  // NOLINT(google-build-using-namespace)

TEST(NameOpening, TellsOnceAndForAll) {
  const std::pair<std::string, const char*> cases[] = {
      {"GET / HTTP/1.1", "HTTP request"},
      {"CONNECT a:443 HTTP/1.1", "HTTP request"},
      {"PRI * HTTP/2.0\r\n", "HTTP/2"},
      {"SSH-2.0-x", "SSH"},
      {"EHLO a\r\n", "SMTP"},
      {"PROXY TCP4", "version 1"},
      {"\r\n\r\n\0\r\nQUIT\n\x21"s, "version 2"},
      {"\x05\x01\0"s, "SOCKS 5"},
      {"\x04\x01\0"s, "SOCKS 4"},
      {"\x80\x2E\x01\0\x02"s, "SSL 2.0"},
      {"\x80\x2E\x02\0\x02"s, ""},
      {"PUSH", ""},
      {"\x16\x03\x01", ""},
  };
  for (const auto& [bytes, word] : cases) {
    std::optional<std::string_view> told;
    for (size_t size = 0; size <= bytes.size(); ++size) {
      const auto now = name_opening(std::string_view(bytes).substr(0, size));
      if (told) {
        EXPECT_EQ(now, told) << bytes << " " << size;
      }
      told = now;
    }
    ASSERT_TRUE(told) << bytes;
    EXPECT_EQ(told->empty(), std::string_view(word).empty()) << bytes;
    EXPECT_NE(told->find(word), std::string_view::npos) << bytes;
  }
}

}  // namespace
}  // namespace culvert
