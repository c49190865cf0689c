// A second model is refused rather than replaced too: the length has to be said before the body,
// and it would change again.
#include "relay/codec/model_rewriter.h"

#include "relay/base/json_writer.h"

#include <algorithm>

namespace culvert {
namespace {

std::string literal_of(std::string_view model) {
  JsonWriter json;
  json.value(model);
  return json.take();
}

}  // namespace

ModelRewriter::ModelRewriter(std::string_view model, size_t search_bytes)
    : literal_(literal_of(model)), search_bytes_(search_bytes) {}

ModelRewriter::State ModelRewriter::feed(std::string_view bytes, std::string* out) {
  while (!bytes.empty()) {
    if (state_ == State::kSearching) {
      bytes.remove_prefix(search(bytes, out));
    } else if (state_ == State::kReplaced) {
      bytes.remove_prefix(pass(bytes, out));
    } else {
      break;
    }
  }
  return state_;
}

ModelRewriter::State ModelRewriter::finish() {
  if (state_ == State::kSearching) state_ = State::kAbsent;
  return state_;
}

// Both say how many bytes they have taken.
size_t ModelRewriter::search(std::string_view bytes, std::string* out) {
  const uint64_t before = scanner_.position();
  if (before >= search_bytes_) {
    state_ = State::kTooFar;
    return bytes.size();
  }
  const auto found = scanner_.feed(bytes.substr(0, search_bytes_ - before));
  if (found == ModelScanner::State::kAbsent) {
    state_ = State::kAbsent;
    return bytes.size();
  }
  const auto taken = static_cast<size_t>(scanner_.position() - before);
  const bool whole = found == ModelScanner::State::kFound;
  // Nothing of the old literal is written.
  const bool literal = whole || scanner_.in_literal();
  const uint64_t until = literal ? scanner_.model_begin() : scanner_.position();
  if (until > before) out->append(bytes.substr(0, static_cast<size_t>(until - before)));
  if (whole) {
    *out += literal_;
    growth_ = static_cast<int64_t>(literal_.size()) -
              static_cast<int64_t>(scanner_.position() - scanner_.model_begin());
    state_ = State::kReplaced;
    scanner_.search_on();
  }
  return taken;
}

size_t ModelRewriter::pass(std::string_view bytes, std::string* out) {
  if (closed_) {
    out->append(bytes);
    return bytes.size();
  }
  const uint64_t before = scanner_.position();
  const auto found = scanner_.feed(bytes);
  closed_ = found == ModelScanner::State::kAbsent && scanner_.closed();
  if (found != ModelScanner::State::kNeedMore && !closed_) {
    state_ = State::kAmbiguous;
    return bytes.size();
  }
  const auto taken = static_cast<size_t>(scanner_.position() - before);
  out->append(bytes.substr(0, taken));
  return taken;
}

}  // namespace culvert
