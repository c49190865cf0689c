// The stable forms of answers: field by field, and as JSON and YAML text.
#include "control/cli/value.h"

#include "culvert/v1/admin.pb.h"
#include "proto/yaml_tree.h"

#include <gtest/gtest.h>

namespace culvert::cli {
namespace {

TEST(ValueOf, WritesTimesHashesEnumeratorsAndAbsence) {
  v1::RelayStatus relay;
  relay.set_name("eu-1");
  relay.set_desired_hash("\x01\xFF");
  relay.mutable_last_seen()->set_seconds(1);
  (*relay.mutable_labels())["b"] = "2";
  (*relay.mutable_labels())["a"] = "1";
  relay.mutable_state()->set_phase(v1::RelayState::PHASE_DRAINING);
  relay.mutable_rates()->set_cpu_share(0.25);
  const std::string text = to_json_line(value_of(relay));
  EXPECT_NE(text.find(R"("desired_hash": "01ff")"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("last_seen": "1970-01-01T00:00:01.000Z")"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("labels": {"a": "1", "b": "2"})"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("phase": "draining")"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("connected": false)"), std::string::npos) << text;  // plain: always
  EXPECT_NE(text.find(R"("refusals": [])"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("cpu_share": 0.25)"), std::string::npos) << text;
  EXPECT_EQ(text.find("joined"), std::string::npos) << text;  // a message: only where it is set
  EXPECT_EQ(text.find("first_token_p50_ms"), std::string::npos) << text;
}

TEST(ValueOf, WritesResourcesAsFilesDoAndMasksSecrets) {
  v1::Resource resource;
  resource.set_name("pool");
  resource.mutable_key_pool()->set_upstream("model");
  resource.mutable_key_pool()->add_keys()->set_value("sk-0123456789-abcdef");
  resource.mutable_key_pool()->add_keys()->set_value("env:KEY");
  resource.mutable_key_pool()->add_keys()->set_value("sk-0…wxyz");  // as the service shows it
  resource.mutable_key_pool()->mutable_rest()->set_seconds(90);
  EXPECT_EQ(to_json_line(value_of(resource)),
            R"({"kind": "KeyPool", "name": "pool", "spec": {"upstream": "model", )"
            R"("keys": ["sk-0…cdef", "env:KEY", "sk-0…wxyz"], "rest": "90s"}})"
            "\n");
}

TEST(Quoted, LetsNoControlCharacterStandBare) {
  EXPECT_EQ(json_text("a\"b\\c\nd\x1b\x7F"), R"("a\"b\\c\nd\u001b\u007f")");
  EXPECT_EQ(json_text("\xC2\x9B…模"), R"("\u009b…模")");
  EXPECT_EQ(json_text("a\u202Eb"), R"("a\u202eb")");
  EXPECT_EQ(json_text("\xFF"), "\"\uFFFD\"");
}

Value sample() {
  Value::Map inner = {{"empty", {Value::List{}}}, {"none", {nullptr}}, {"no", {std::string("no")}}};
  Value::List list = {{std::move(inner)}, {std::string("1.5")}, {uint64_t{18446744073709551615U}}};
  return {Value::Map{{"list", {std::move(list)}},
                     {"text", {std::string("plain-word")}},
                     {"odd", {std::string("a: b # c")}},
                     {"nothing", {Value::Map{}}}}};
}

TEST(ToJson, IsIndented) {
  EXPECT_EQ(to_json(sample()),
            "{\n  \"list\": [\n    {\n      \"empty\": [],\n      \"none\": null,\n"
            "      \"no\": \"no\"\n    },\n    \"1.5\",\n    18446744073709551615\n  ],\n"
            "  \"text\": \"plain-word\",\n  \"odd\": \"a: b # c\",\n  \"nothing\": {}\n}\n");
}

TEST(ToYaml, QuotesWhatWouldBeReadAsSomethingElse) {
  const std::string text = to_yaml_text(sample());
  EXPECT_EQ(text,
            "list:\n  - empty: []\n    none: null\n    \"no\": \"no\"\n  - \"1.5\"\n"
            "  - 18446744073709551615\ntext: plain-word\nodd: \"a: b # c\"\nnothing: {}\n");
  const auto tree = parse_yaml_tree("x", text);
  ASSERT_TRUE(tree);
  EXPECT_EQ(tree->front().items.size(), 8U);
}

}  // namespace
}  // namespace culvert::cli
