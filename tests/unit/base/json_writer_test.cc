// JSON out: structure, escaping, numbers, and bytes that are no UTF-8, which come from the network
// into logs.
#include "relay/base/json_writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace culvert {
namespace {

std::string written(std::string_view text) {
  JsonWriter json;
  json.begin_array().value(text).end_array();
  const std::string out = json.take();
  return out.substr(1, out.size() - 2);
}

std::string written(double number) {
  JsonWriter json;
  json.begin_array().value(number).end_array();
  const std::string out = json.take();
  return out.substr(1, out.size() - 2);
}

constexpr const char* kReplacement = "\xEF\xBF\xBD";

TEST(JsonWriter, WritesObjectsAndArrays) {
  JsonWriter json;
  json.begin_object().field("a", 1).field("b", "text").field("c", true);
  json.key("d").begin_array().value(uint64_t{18446744073709551615U}).null().end_array();
  json.key("e").begin_object().end_object();
  json.field("f", int64_t{-5}).end_object();
  EXPECT_EQ(json.take(),
            R"({"a":1,"b":"text","c":true,"d":[18446744073709551615,null],"e":{},"f":-5})");
}

TEST(JsonWriter, EscapesWhatJsonAsksFor) {
  EXPECT_EQ(written("\"\\\n\r\t\b\f"), R"("\"\\\n\r\t\b\f")");
  EXPECT_EQ(written(std::string("\0\x1f", 2)), R"("\u0000\u001F")");
  EXPECT_EQ(written("grün €"), "\"grün €\"");
  EXPECT_EQ(written("\x7F"), "\"\x7F\"");
  EXPECT_EQ(written("sk-a…mnop"), "\"sk-a…mnop\"");
  EXPECT_EQ(written("a\xE2\x82\n\"€\xFF"), "\"a\xEF\xBF\xBD\xEF\xBF\xBD\\n\\\"€\xEF\xBF\xBD\"");
}

// Text is looked at eight bytes at a time: each place of each kind of byte.
TEST(JsonWriter, EscapesWhereverItStands) {
  for (size_t size = 1; size <= 24; ++size) {
    for (size_t at = 0; at < size; ++at) {
      const std::string before(at, '!');
      const std::string after(size - at - 1, '~');
      EXPECT_EQ(written(before + '"' + after), '"' + before + "\\\"" + after + '"');
      EXPECT_EQ(written(before + '\\' + after), '"' + before + "\\\\" + after + '"');
      EXPECT_EQ(written(before + '\x1F' + after), '"' + before + "\\u001F" + after + '"');
      EXPECT_EQ(written(before + '\xFF' + after), '"' + before + "\xEF\xBF\xBD" + after + '"');
      EXPECT_EQ(written(before + 'x' + after), '"' + before + 'x' + after + '"');
    }
  }
}

TEST(JsonWriter, BeginsAnew) {
  JsonWriter json;
  json.begin_object().field("a", 1).end_object();
  EXPECT_EQ(json.view(), R"({"a":1})");
  json.clear();
  json.begin_array().value(2).value(3).end_array();
  EXPECT_EQ(json.take(), "[2,3]");
  json.begin_array().end_array();
  EXPECT_EQ(json.take(), "[]");
}

TEST(JsonWriter, WritesNumbersWithThreeDecimals) {
  EXPECT_EQ(written(1.5), "1.5");
  EXPECT_EQ(written(0.1234567), "0.123");
  EXPECT_EQ(written(12345.0), "12345.0");
  EXPECT_EQ(written(0.0), "0.0");
  EXPECT_EQ(written(-0.25), "-0.25");
  EXPECT_EQ(written(7.05), "7.05");
  EXPECT_EQ(written(7.005), "7.005");
  EXPECT_EQ(written(1e300), "1e+300");
  EXPECT_EQ(written(std::nan("")), "null");
  EXPECT_EQ(written(std::numeric_limits<double>::infinity()), "null");
}

TEST(ValidUtf8, KeepsWhatIsValid) {
  for (const char* text : {"", "plain", "ü", "€", "😀", "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF"}) {
    EXPECT_EQ(valid_utf8(text), text);
  }
}

TEST(ValidUtf8, ReplacesWhatIsNot) {
  const std::string bad(kReplacement);
  EXPECT_EQ(valid_utf8("a\xFFz"), "a" + bad + "z");
  EXPECT_EQ(valid_utf8("\x80"), bad);
  EXPECT_EQ(valid_utf8("\xC0\x80"), bad + bad);                 // overlong
  EXPECT_EQ(valid_utf8("\xE0\x80\x80"), bad + bad + bad);       // overlong
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), bad + bad + bad);       // a surrogate
  EXPECT_EQ(valid_utf8("\xF4\x90\x80\x80").substr(0, 3), bad);  // beyond U+10FFFF
  EXPECT_EQ(valid_utf8("\xF5\x80"), bad + bad);
}

TEST(ValidUtf8, ReplacesWhatIsCutShort) {
  const std::string bad(kReplacement);
  EXPECT_EQ(valid_utf8("x\xC3"), "x" + bad);
  EXPECT_EQ(valid_utf8("x\xE2\x82"), "x" + bad + bad);
  EXPECT_EQ(valid_utf8("\xF0\x9F\x98z"), bad + bad + bad + "z");
}

}  // namespace
}  // namespace culvert
