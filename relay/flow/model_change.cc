// See model_change.h.
#include "relay/flow/model_change.h"

namespace culvert {
namespace {

Error refused(const char* why) { return Error::client(Code::kBadRequest, Stage::kRequest, why); }

}  // namespace

Result<void> checked(ModelRewriter::State state) {
  switch (state) {
    case ModelRewriter::State::kSearching:
    case ModelRewriter::State::kReplaced:
      return {};
    case ModelRewriter::State::kAbsent:
      return refused("the route sets the model, and the body is no JSON object that names one");
    case ModelRewriter::State::kTooFar:
      return refused(
          "the route sets the model, and the body names it too late: put \"model\" first");
    case ModelRewriter::State::kAmbiguous:
      return refused("the route sets the model, and the body names two, or is no JSON");
  }
  return {};
}

Result<int64_t> growth_of(const std::string& model, std::string_view begins, size_t search_bytes) {
  ModelRewriter rewriter(model, search_bytes);
  std::string rewritten;
  const auto state = rewriter.feed(begins, &rewritten);
  CULVERT_CHECK(checked(state == ModelRewriter::State::kSearching ? ModelRewriter::State::kTooFar
                                                                  : state));
  return rewriter.growth();
}

}  // namespace culvert
