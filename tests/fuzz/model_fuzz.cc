// Any bytes as a body whose model is replaced. The rewriter says the same at every split; what goes
// up of an object is the same object with the other model, as simdjson reads it, and no model but
// that one.
#include "relay/codec/model_rewriter.h"
#include "tests/fuzz/fuzz.h"

#include <simdjson.h>

namespace culvert::test {
namespace {

constexpr std::string_view kModel = "o\"ther\\";
constexpr size_t kSearched = 512;

struct Rewritten {
  ModelRewriter::State state;
  std::string body;
};

Rewritten rewrite(const Pieces& pieces) {
  ModelRewriter rewriter(kModel, kSearched);
  std::string out;
  size_t size = 0;
  for (const Piece& piece : pieces) {
    rewriter.feed(piece.view(), &out);
    size += piece.view().size();
  }
  const auto state = rewriter.finish();
  if (state != ModelRewriter::State::kReplaced) out.clear();
  require(state != ModelRewriter::State::kReplaced ||
              static_cast<int64_t>(out.size()) == static_cast<int64_t>(size) + rewriter.growth(),
          "the growth is not what was said");
  return {state, out};
}

std::string said(const Pieces& pieces) {
  const Rewritten done = rewrite(pieces);
  return std::to_string(static_cast<int>(done.state)) + " " + done.body;
}

// Of an object; how many members are called model is counted.
std::string models_of(std::string_view json, bool* object_read) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  *object_read = parser.parse(json.data(), json.size()).get(object) == simdjson::SUCCESS;
  if (!*object_read) return {};
  std::string found;
  for (const auto& member : object) {
    if (member.key != "model") continue;
    std::string_view name;
    found += member.value.get(name) == simdjson::SUCCESS ? std::string(name) : "no string";
    found += '\n';
  }
  return found;
}

}  // namespace
}  // namespace culvert::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert;        // NOLINT(google-build-using-namespace)
  using namespace culvert::test;  // NOLINT(google-build-using-namespace)
  const std::string_view input = text(data, size);
  same_at_splits(input, said);
  const Rewritten done = rewrite(whole(input));
  bool before = false;
  bool after = false;
  models_of(input, &before);
  const std::string models = models_of(done.body, &after);
  if (done.state != ModelRewriter::State::kReplaced) return 0;
  require(!before || after, "an object is one no longer");
  require(!after || models == std::string(kModel) + "\n", "another model goes up");
  return 0;
}
