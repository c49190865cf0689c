// Every secret of every kind, with its paths.
#include "proto/secret_fields.h"

#include <gtest/gtest.h>

#include <vector>

namespace culvert {
namespace {

std::vector<std::string> found(google::protobuf::Message* message) {
  std::vector<std::string> out;
  each_secret(message, [&](const auto& field, const auto& path, const v1::Secret* secret) {
    out.push_back(field + " " + path + " " + secret->value());
  });
  return out;
}

TEST(SecretFields, InListsAndAlone) {
  v1::KeyPool pool;
  pool.add_keys()->set_value("a");
  pool.add_keys()->set_value("b");
  pool.add_bind()->set_address("10.0.0.1");
  EXPECT_EQ(found(&pool), (std::vector<std::string>{"keys keys[0] a", "keys keys[1] b"}));
  v1::Upstream upstream;
  upstream.add_targets()->set_url("https://a.example");
  (*upstream.mutable_headers()->mutable_set())["X-A"] = "b";
  EXPECT_TRUE(found(&upstream).empty());
  EXPECT_FALSE(upstream.has_egress_proxy());  // looking makes none
  upstream.mutable_egress_proxy()->set_value("c");
  EXPECT_EQ(found(&upstream), std::vector<std::string>{"egress_proxy egress_proxy c"});
}

TEST(SecretFields, CanBeChanged) {
  v1::Relay relay;
  relay.add_auth_tokens()->set_value("token");
  each_secret(&relay, [](const auto&, const auto&, v1::Secret* secret) { secret->set_value("x"); });
  EXPECT_EQ(relay.auth_tokens(0).value(), "x");
}

}  // namespace
}  // namespace culvert
