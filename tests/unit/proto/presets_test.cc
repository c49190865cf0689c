// The table of presets, row by row, as the providers publish their addresses.
#include "proto/presets.h"

#include "relay/base/url.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace culvert {
namespace {

const std::map<std::string, std::pair<std::string, v1::Dialect>> kExpected = {
    {"anthropic", {"https://api.anthropic.com", v1::DIALECT_ANTHROPIC}},
    {"azure", {"https://models.inference.ai.azure.com", v1::DIALECT_OPENAI}},
    {"cerebras", {"https://api.cerebras.ai", v1::DIALECT_OPENAI}},
    {"chutes", {"https://llm.chutes.ai", v1::DIALECT_OPENAI}},
    {"claude", {"https://api.anthropic.com", v1::DIALECT_ANTHROPIC}},
    {"cohere", {"https://api.cohere.ai", v1::DIALECT_OPAQUE}},
    {"deepinfra", {"https://api.deepinfra.com", v1::DIALECT_OPENAI}},
    {"deepseek", {"https://api.deepseek.com", v1::DIALECT_OPENAI}},
    {"discord", {"https://discord.com/api", v1::DIALECT_OPAQUE}},
    {"dmxcn", {"https://www.dmxapi.cn", v1::DIALECT_OPENAI}},
    {"dmxcom", {"https://www.dmxapi.com", v1::DIALECT_OPENAI}},
    {"fireworks", {"https://api.fireworks.ai/inference", v1::DIALECT_OPENAI}},
    {"friendli", {"https://api.friendli.ai/serverless", v1::DIALECT_OPENAI}},
    {"gemini", {"https://generativelanguage.googleapis.com", v1::DIALECT_GEMINI}},
    {"github", {"https://models.github.ai", v1::DIALECT_OPENAI}},
    {"gmi", {"https://api.gmi-serving.com", v1::DIALECT_OPENAI}},
    {"grok", {"https://api.x.ai", v1::DIALECT_OPENAI}},
    {"groq", {"https://api.groq.com/openai", v1::DIALECT_OPENAI}},
    {"httpbin", {"https://httpbin.org", v1::DIALECT_OPAQUE}},
    {"huggingface", {"https://api-inference.huggingface.co", v1::DIALECT_OPAQUE}},
    {"meta", {"https://www.meta.ai/api", v1::DIALECT_OPAQUE}},
    {"mistral", {"https://api.mistral.ai", v1::DIALECT_OPENAI}},
    {"modelscope", {"https://api-inference.modelscope.cn", v1::DIALECT_OPENAI}},
    {"moonshot", {"https://api.moonshot.cn", v1::DIALECT_OPENAI}},
    {"novita", {"https://api.novita.ai", v1::DIALECT_OPENAI}},
    {"nvidia", {"https://integrate.api.nvidia.com", v1::DIALECT_OPENAI}},
    {"oaipro", {"https://api.oaipro.com", v1::DIALECT_OPENAI}},
    {"openai", {"https://api.openai.com", v1::DIALECT_OPENAI}},
    {"openrouter", {"https://openrouter.ai/api", v1::DIALECT_OPENAI}},
    {"poe", {"https://api.poe.com", v1::DIALECT_OPENAI}},
    {"portkey", {"https://api.portkey.ai", v1::DIALECT_OPENAI}},
    {"pplx", {"https://api.perplexity.ai", v1::DIALECT_OPENAI}},
    {"reka", {"https://api.reka.ai", v1::DIALECT_OPAQUE}},
    {"sambanova", {"https://api.sambanova.ai", v1::DIALECT_OPENAI}},
    {"siliconflow", {"https://api.siliconflow.cn", v1::DIALECT_OPENAI}},
    {"targon", {"https://api.targon.com", v1::DIALECT_OPENAI}},
    {"telegram", {"https://api.telegram.org", v1::DIALECT_OPAQUE}},
    {"together", {"https://api.together.xyz", v1::DIALECT_OPENAI}},
    {"xai", {"https://api.x.ai", v1::DIALECT_OPENAI}},
};

TEST(Presets, AreTheWholeTable) {
  std::map<std::string, std::pair<std::string, v1::Dialect>> found;
  for (const Preset& preset : presets()) {
    found.emplace(preset.alias, std::pair(std::string(preset.url), preset.dialect));
  }
  EXPECT_EQ(found, kExpected);
}

TEST(Presets, AreFoundByAlias) {
  for (const auto& [alias, row] : kExpected) {
    const Preset* preset = find_preset(alias);
    ASSERT_NE(preset, nullptr) << alias;
    EXPECT_EQ(preset->url, row.first);
  }
  for (const char* alias : {"", "a", "openai2", "OpenAI", "zzz"}) {
    EXPECT_EQ(find_preset(alias), nullptr) << alias;
  }
}

TEST(Presets, HaveUrlsOverTls) {
  for (const Preset& preset : presets()) {
    const auto url = parse_url(preset.url);
    ASSERT_TRUE(url) << preset.url;
    EXPECT_EQ(url->scheme, "https");
    EXPECT_EQ(url->text(), preset.url);
  }
}

TEST(Presets, DialectsCarryTheirKeys) {
  EXPECT_EQ(default_key_carriage(v1::DIALECT_ANTHROPIC).header(), "x-api-key");
  EXPECT_EQ(default_key_carriage(v1::DIALECT_ANTHROPIC).scheme(), "");
  EXPECT_EQ(default_key_carriage(v1::DIALECT_GEMINI).header(), "x-goog-api-key");
  EXPECT_EQ(default_key_carriage(v1::DIALECT_GEMINI).scheme(), "");
  for (const auto dialect : {v1::DIALECT_OPENAI, v1::DIALECT_OPAQUE}) {
    EXPECT_EQ(default_key_carriage(dialect).header(), "Authorization");
    EXPECT_EQ(default_key_carriage(dialect).scheme(), "Bearer");
  }
}

TEST(Presets, AreUpstreamsLikeOthers) {
  const auto upstream = to_upstream(*find_preset("claude"));
  EXPECT_EQ(upstream.dialect(), v1::DIALECT_ANTHROPIC);
  ASSERT_EQ(upstream.targets_size(), 1);
  EXPECT_EQ(upstream.targets(0).url(), "https://api.anthropic.com");
}

}  // namespace
}  // namespace culvert
