// Any answer as a refusal: a line with the status, header lines, an empty line, a body. Whatever it
// says, the key's fate is one of those there are and every wait has bounds; a sentence of the body
// alone is judged like that too.
#include "relay/base/text.h"
#include "relay/codec/refusal_body.h"
#include "relay/keys/refusal_kind.h"
#include "relay/keys/reset_time.h"
#include "relay/keys/retry_hints.h"
#include "tests/fuzz/fuzz.h"

#include <algorithm>

namespace culvert::test {
namespace {

constexpr Duration kMost = std::chrono::hours(24 * 366);
const WallTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 7 / 1);

void within_bounds(const std::optional<Duration>& wait) {
  require(!wait || (*wait >= Duration::zero() && *wait <= kMost), "a wait without bounds");
}

std::string_view line(std::string_view* text) {
  const size_t end = std::min(text->find('\n'), text->size());
  const std::string_view found = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return found;
}

int status_of(std::string_view text) {
  int status = 0;
  for (const char c : text.substr(0, 3))
    status = status * 10 + (c >= '0' && c <= '9' ? c - '0' : 0);
  return status;
}

void judge(std::string_view input) {
  const int status = status_of(line(&input));
  Headers headers;
  for (std::string_view field = line(&input); !field.empty(); field = line(&input)) {
    const size_t colon = std::min(field.find(':'), field.size());
    const std::string_view value = field.substr(std::min(colon + 1, field.size()));
    headers.add(field.substr(0, colon), trim(value));
  }
  const KeyRefusal refusal = classify_refusal(status, headers, input, kNow);
  require(!to_string(refusal.kind).empty(), "a kind without a name");
  require(refusal.kind == RefusalKind::kNone || may_refuse_key(status, headers),
          "a key was refused by what cannot refuse one");
  require(refusal.kind != RefusalKind::kQuota || refusal.wait, "a quota without an end");
  within_bounds(refusal.wait);
  within_bounds(retry_wait(headers, input, kNow));
  const RefusalBody body = read_refusal_body(input);
  require(body.message.size() <= RefusalBody::kMessageBytes, "a message without bounds");
  require(body.quotas.size() <= RefusalBody::kItems, "quotas without bounds");
}

}  // namespace
}  // namespace culvert::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert;              // NOLINT(google-build-using-namespace)
  using namespace culvert::test;        // NOLINT(google-build-using-namespace)
  const Piece piece(text(data, size));  // reading past its end is seen
  const std::string_view input = piece.view();
  judge(input);
  const std::string low = lower(input);
  within_bounds(told_wait(low));
  const auto date = told_date(low, kNow);
  require(!date || *date > kNow, "a date that has passed");
  within_bounds(parse_go_duration(input));
  (void)parse_http_date(input);
  (void)parse_rfc3339(input);
  return 0;
}
