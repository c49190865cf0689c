// The class first, then the tokens; see meter.h.
#include "relay/usage/meter.h"

#include "relay/codec/json_scan.h"

namespace culvert {
namespace {

UsageClass class_of(const RequestRecord& record) {
  if (record.status >= 400) return UsageClass::kRefused;
  switch (record.outcome) {
    case Outcome::kOk:
      return UsageClass::kDelivered;
    case Outcome::kAborted:
      return UsageClass::kAborted;
    case Outcome::kTruncated:
      return UsageClass::kTruncated;
    case Outcome::kClientError:
    case Outcome::kUpstreamError:
    case Outcome::kRelayError:
      break;
  }
  return UsageClass::kRefused;
}

bool embeds(std::string_view path) {
  return path.find("mbedContent") != std::string_view::npos ||  // embedContent, batchEmbedContents
         path.find("/embeddings") != std::string_view::npos;
}

}  // namespace

void measure(const Passed& passed, bool estimate, RequestRecord* record) {
  record->tokens_in = passed.told.input;
  record->tokens_out = passed.told.output;
  record->tokens_cached = passed.told.cached;
  record->tokens_reasoning = passed.told.reasoning;
  if (!estimate) return;
  record->usage = class_of(*record);
  if (record->usage == UsageClass::kRefused || !passed.readable) return;
  if (passed.answer_quarters > 0) {
    record->tokens_out = passed.told.output.value_or(0) + tokens_of(passed.answer_quarters);
    record->usage = UsageClass::kEstimated;
  }
  const bool read = passed.answer_quarters > 0 || record->tokens_out || embeds(record->path);
  if (!record->tokens_in && read && passed.asked_quarters > 0) {
    record->tokens_in = tokens_of(passed.asked_quarters);
    record->usage = UsageClass::kEstimated;
  }
}

}  // namespace culvert
