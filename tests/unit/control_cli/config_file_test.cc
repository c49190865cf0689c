// The operator's file: both ways, and every way in which it is wrong.
#include "control/cli/config_file.h"

#include <gtest/gtest.h>

namespace culvert::cli {
namespace {

TEST(ConfigFile, ReadsWhatItWrites) {
  ConfigFile config;
  config.current = "a: b";
  config.contexts["a: b"] = {"h:1", "/ca file.pem", Secret("t\"o\\k")};
  config.contexts["c"] = {"[::1]:2", "", Secret("env:X")};
  const auto again = parse_config("f", print_config(config));
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(again->current, "a: b");
  ASSERT_EQ(again->contexts.size(), 2U);
  const Context& first = again->contexts.at("a: b");
  EXPECT_EQ(first.server, "h:1");
  EXPECT_EQ(first.ca, "/ca file.pem");
  EXPECT_EQ(first.token.reveal(), "t\"o\\k");
  EXPECT_EQ(again->contexts.at("c").ca, "");
}

TEST(ConfigFile, AnEmptyOneIsSound) {
  EXPECT_TRUE(parse_config("f", ""));
  EXPECT_TRUE(parse_config("f", print_config({})));
  EXPECT_TRUE(parse_config("f", "contexts:\n"));
}

TEST(ConfigFile, ErrorsNameTheLine) {
  const auto wrong = [](const char* text) {
    const auto config = parse_config("f", text);
    return config ? std::string("sound") : config.error().detail;
  };
  EXPECT_EQ(wrong("current: a\ncontext: {}\n").substr(0, 5), "f:2: ");
  EXPECT_EQ(wrong("contexts: [a]").substr(0, 5), "f:1: ");
  EXPECT_EQ(wrong("contexts:\n  a: b\n").substr(0, 5), "f:2: ");
  EXPECT_NE(wrong("contexts:\n  a:\n    sever: h:1\n").find("f:3: unknown field \"sever\""),
            std::string::npos);
  EXPECT_EQ(wrong("contexts:\n  a:\n    server: [h]\n").substr(0, 5), "f:3: ");
  EXPECT_EQ(wrong("- a").substr(0, 5), "f:1: ");
}

}  // namespace
}  // namespace culvert::cli
