// Values as people write them, and near misses of words.
#include "proto/scalars.h"

#include "proto/suggest.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using namespace std::chrono_literals;

TEST(Scalars, Durations) {
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("10s"), 10s);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("0s"), 0s);
  EXPECT_EQ(parse_duration("8784h"), 8784h);
  for (const char* text :
       {"", "10", "s", "-1s", "+1s", "1.5s", "1 s", " 1s", "1s ", "1S", "1d", "1h30m", "8785h",
        "99999999999999999999s", "18446744073709551616ms", "0x10s", "10us"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Scalars, DurationsGoBothWays) {
  for (const char* text : {"0s", "1ms", "1500ms", "90s", "5m", "1h", "25h"}) {
    EXPECT_EQ(print_duration(parse_duration(text).value()), text);
    EXPECT_EQ(from_proto(to_proto(parse_duration(text).value())), parse_duration(text));
  }
  EXPECT_EQ(print_duration(60s), "1m");
}

TEST(Scalars, DurationsOfOthersAreBounded) {
  google::protobuf::Duration huge;
  huge.set_seconds(INT64_MAX);
  EXPECT_GT(from_proto(huge), 366 * 24h);
  huge.set_seconds(INT64_MIN);
  EXPECT_LT(from_proto(huge), 0s);
}

TEST(Scalars, Sizes) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("65536"), 65536U);
  EXPECT_EQ(parse_size("64KiB"), 65536U);
  EXPECT_EQ(parse_size("8MiB"), 8U << 20);
  EXPECT_EQ(parse_size("4GiB"), uint64_t{4} << 30);
  EXPECT_EQ(parse_size("18446744073709551615"), UINT64_MAX);
  for (const char* text : {"", "KiB", "-1", "1KB", "1kib", "1 KiB", "1.5KiB", "1B", "1TiB",
                           "18446744073709551616", "18446744073709551615KiB"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(Scalars, Booleans) {
  for (const char* text : {"true", "TRUE", "1", "yes", "On"}) EXPECT_EQ(parse_bool(text), true);
  for (const char* text : {"false", "False", "0", "NO", "off"}) EXPECT_EQ(parse_bool(text), false);
  for (const char* text : {"", "2", "y", "truee", " true", "enabled"}) {
    EXPECT_FALSE(parse_bool(text)) << text;
  }
}

TEST(Scalars, WholeNumbers) {
  EXPECT_EQ(parse_whole("4", 4), 4U);
  EXPECT_FALSE(parse_whole("5", 4));
  for (const char* text : {"", "+1", "-1", " 1", "1 ", "0x1", "1e3"}) {
    EXPECT_FALSE(parse_whole(text)) << text;
  }
}

TEST(Scalars, QuotedTextStaysOnOneLine) {
  EXPECT_EQ(in_quotes("a\nb\x7F\xC3\xA4"), "\"a?b???\"");
  EXPECT_EQ(in_quotes(std::string(100, 'x')).size(), 65U);
}

TEST(Suggest, FindsNearMisses) {
  const std::vector<std::string_view> words = {"listen", "admin_listen", "workers"};
  EXPECT_EQ(nearest("lisen", words), "listen");
  EXPECT_EQ(nearest("LISTEN", words), "listen");
  EXPECT_EQ(nearest("admin-listen", words), "admin_listen");
  EXPECT_EQ(nearest("adminListen", words), "admin_listen");
  EXPECT_EQ(nearest("colour", words), "");
  EXPECT_EQ(nearest("", words), "");
  EXPECT_EQ(nearest(std::string(1000, 'l'), words), "");
  EXPECT_EQ(what_is_allowed("worker", words), "did you mean \"workers\"?");
  EXPECT_EQ(what_is_allowed("x", words), "allowed are listen, admin_listen, workers");
  EXPECT_EQ(what_is_allowed("zzz", {"one"}), "allowed is one");
}

}  // namespace
}  // namespace culvert
