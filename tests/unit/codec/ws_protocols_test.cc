// Credentials of browsers among subprotocols: what is found, what may go up, what is refused.
#include "relay/codec/ws_protocols.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

WsProtocols read(std::string_view value) {
  auto read = read_ws_protocols(value);
  EXPECT_TRUE(read) << value;
  return read ? *read : WsProtocols();
}

TEST(WsProtocols, NamesGoUpInTheirOrder) {
  EXPECT_TRUE(read("").empty());
  EXPECT_EQ(read("").list(true), "");
  const WsProtocols names = read("graphql-ws ,, openai-beta.realtime-v1,\trealtime");
  EXPECT_EQ(names.list(false), "graphql-ws, openai-beta.realtime-v1, realtime");
  EXPECT_TRUE(names.key().empty());
  EXPECT_TRUE(names.token().empty());
}

TEST(WsProtocols, OpenAisKeyGoesUpWhereItIsTheCallersOwn) {
  const WsProtocols own =
      read("realtime, openai-insecure-api-key.sk-proj-1.2_3, openai-beta.realtime-v1");
  EXPECT_EQ(own.key().reveal(), "sk-proj-1.2_3");
  EXPECT_EQ(own.list(true),
            "realtime, openai-insecure-api-key.sk-proj-1.2_3, openai-beta.realtime-v1");
  EXPECT_EQ(own.list(false), "realtime, openai-beta.realtime-v1");
  EXPECT_EQ(read("openai-insecure-api-key.k").list(true), "openai-insecure-api-key.k");
}

TEST(WsProtocols, ARelayTokenNeverGoesUp) {
  const WsProtocols both = read("culvert-token.secret-token, realtime, openai-insecure-api-key.k");
  EXPECT_EQ(both.token().reveal(), "secret-token");
  EXPECT_EQ(both.key().reveal(), "k");
  EXPECT_EQ(both.list(true), "realtime, openai-insecure-api-key.k");
  EXPECT_EQ(both.list(false), "realtime");
  EXPECT_FALSE(both.empty());
}

TEST(WsProtocols, RefusesWithoutQuoting) {
  std::string many = "secret";
  for (int i = 0; i < 32; ++i) many += ", p" + std::to_string(i);
  for (const std::string& value :
       {std::string("realtime secret"), std::string("realtime, secret/1"),
        std::string("\"secret\""), std::string("secret, a, secret"),
        std::string("a, openai-insecure-api-key."), std::string("a, culvert-token."),
        std::string("a, culvert-token.secret, culvert-token.b"),
        std::string("a, openai-insecure-api-key.secret, openai-insecure-api-key.b"),
        std::string("culvert-token.secret"), std::string("s\xC3\xA4") + "cret", many}) {
    const auto read = read_ws_protocols(value);
    ASSERT_FALSE(read) << value;
    EXPECT_EQ(read.error().code, Code::kBadRequest);
    EXPECT_TRUE(read.error().detail.starts_with("Sec-WebSocket-Protocol ")) << value;
    EXPECT_EQ(read.error().detail.find("secret"), std::string::npos) << value;
  }
}

}  // namespace
}  // namespace culvert
