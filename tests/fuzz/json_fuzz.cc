// Any bytes as JSON. The scanner says the same at every split, and for what simdjson takes as an
// object it finds what simdjson finds; the readers of usage and of prompts survive everything.
#include "relay/codec/json.h"
#include "relay/codec/json_scan.h"
#include "relay/codec/prompt_prefix.h"
#include "tests/fuzz/fuzz.h"

#include <simdjson.h>

namespace culvert::test {
namespace {

std::string model(const Pieces& pieces) {
  ModelScanner scanner;
  for (const Piece& piece : pieces) scanner.feed(piece.view());
  return scanner.finish() == ModelScanner::State::kFound ? "found " + scanner.model() : "absent";
}

std::string weighed(const Pieces& pieces) {
  JsonScan scan(JsonScan::kRequest | JsonScan::kAnswer);
  for (const Piece& piece : pieces) scan.feed(piece.view());
  Usage usage = scan.usage(Dialect::kOpenAi);
  usage.merge(scan.usage(Dialect::kGemini));
  return std::to_string(scan.quarters()) + " " + std::to_string(scan.usages()) + " " +
         std::to_string(usage.input.value_or(0)) + " " + std::to_string(usage.output.value_or(0));
}

std::string conversation(const Pieces& pieces) {
  PromptPrefix prompt;
  for (const Piece& piece : pieces) prompt.feed(piece.view());
  prompt.finish();
  return prompt.digest();
}

std::optional<std::string> expected(std::string_view input) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(input.data(), input.size()).get(object) != simdjson::SUCCESS)
    return std::nullopt;
  std::string_view name;
  if (object.at_key("model").get(name) != simdjson::SUCCESS) return "absent";
  return name.size() > ModelScanner::kModelBytes ? "absent" : "found " + std::string(name);
}

}  // namespace
}  // namespace culvert::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert;        // NOLINT(google-build-using-namespace)
  using namespace culvert::test;  // NOLINT(google-build-using-namespace)
  const std::string_view input = text(data, size);
  const std::string said = same_at_splits(input, model);
  const auto wanted = expected(input);
  require(!wanted || *wanted == said, "simdjson found another model");
  same_at_splits(input, weighed);
  same_at_splits(input, conversation);
  for (const Dialect dialect :
       {Dialect::kOpaque, Dialect::kOpenAi, Dialect::kAnthropic, Dialect::kGemini}) {
    Usage usage = usage_of(dialect, input);
    usage.merge(usage);
  }
  return 0;
}
