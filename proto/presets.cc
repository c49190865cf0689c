// Base URLs as the providers publish them.
#include "proto/presets.h"

#include <algorithm>
#include <iterator>

namespace culvert {
namespace {

using v1::DIALECT_ANTHROPIC;
using v1::DIALECT_GEMINI;
using v1::DIALECT_OPAQUE;
using v1::DIALECT_OPENAI;

// Sorted by alias, for the binary search.
constexpr Preset kPresets[] = {
    {"anthropic", "https://api.anthropic.com", DIALECT_ANTHROPIC},
    {"azure", "https://models.inference.ai.azure.com", DIALECT_OPENAI},
    {"cerebras", "https://api.cerebras.ai", DIALECT_OPENAI},
    {"chutes", "https://llm.chutes.ai", DIALECT_OPENAI},
    {"claude", "https://api.anthropic.com", DIALECT_ANTHROPIC},
    {"cohere", "https://api.cohere.ai", DIALECT_OPAQUE},
    {"deepinfra", "https://api.deepinfra.com", DIALECT_OPENAI},
    {"deepseek", "https://api.deepseek.com", DIALECT_OPENAI},
    {"discord", "https://discord.com/api", DIALECT_OPAQUE},
    {"dmxcn", "https://www.dmxapi.cn", DIALECT_OPENAI},
    {"dmxcom", "https://www.dmxapi.com", DIALECT_OPENAI},
    {"fireworks", "https://api.fireworks.ai/inference", DIALECT_OPENAI},
    {"friendli", "https://api.friendli.ai/serverless", DIALECT_OPENAI},
    {"gemini", "https://generativelanguage.googleapis.com", DIALECT_GEMINI},
    {"github", "https://models.github.ai", DIALECT_OPENAI},
    {"gmi", "https://api.gmi-serving.com", DIALECT_OPENAI},
    {"grok", "https://api.x.ai", DIALECT_OPENAI},
    {"groq", "https://api.groq.com/openai", DIALECT_OPENAI},
    {"httpbin", "https://httpbin.org", DIALECT_OPAQUE},
    {"huggingface", "https://api-inference.huggingface.co", DIALECT_OPAQUE},
    {"meta", "https://www.meta.ai/api", DIALECT_OPAQUE},
    {"mistral", "https://api.mistral.ai", DIALECT_OPENAI},
    {"modelscope", "https://api-inference.modelscope.cn", DIALECT_OPENAI},
    {"moonshot", "https://api.moonshot.cn", DIALECT_OPENAI},
    {"novita", "https://api.novita.ai", DIALECT_OPENAI},
    {"nvidia", "https://integrate.api.nvidia.com", DIALECT_OPENAI},
    {"oaipro", "https://api.oaipro.com", DIALECT_OPENAI},
    {"openai", "https://api.openai.com", DIALECT_OPENAI},
    {"openrouter", "https://openrouter.ai/api", DIALECT_OPENAI},
    {"poe", "https://api.poe.com", DIALECT_OPENAI},
    {"portkey", "https://api.portkey.ai", DIALECT_OPENAI},
    {"pplx", "https://api.perplexity.ai", DIALECT_OPENAI},
    {"reka", "https://api.reka.ai", DIALECT_OPAQUE},
    {"sambanova", "https://api.sambanova.ai", DIALECT_OPENAI},
    {"siliconflow", "https://api.siliconflow.cn", DIALECT_OPENAI},
    {"targon", "https://api.targon.com", DIALECT_OPENAI},
    {"telegram", "https://api.telegram.org", DIALECT_OPAQUE},
    {"together", "https://api.together.xyz", DIALECT_OPENAI},
    {"xai", "https://api.x.ai", DIALECT_OPENAI},
};

}  // namespace

PresetTable presets() { return {std::begin(kPresets), std::end(kPresets)}; }

const Preset* find_preset(std::string_view alias) {
  const auto* found = std::lower_bound(
      std::begin(kPresets), std::end(kPresets), alias,
      [](const Preset& preset, std::string_view wanted) { return preset.alias < wanted; });
  return found != std::end(kPresets) && found->alias == alias ? found : nullptr;
}

v1::KeyCarriage default_key_carriage(v1::Dialect dialect) {
  v1::KeyCarriage carriage;
  switch (dialect) {
    case DIALECT_ANTHROPIC:
      carriage.set_header("x-api-key");
      return carriage;
    case DIALECT_GEMINI:
      carriage.set_header("x-goog-api-key");
      return carriage;
    default:
      carriage.set_header("Authorization");
      carriage.set_scheme("Bearer");
      return carriage;
  }
}

v1::Upstream to_upstream(const Preset& preset) {
  v1::Upstream upstream;
  upstream.set_dialect(preset.dialect);
  upstream.add_targets()->set_url(std::string(preset.url));
  return upstream;
}

}  // namespace culvert
