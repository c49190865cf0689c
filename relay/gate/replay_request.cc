// See replay_request.h.
#include "relay/gate/replay_request.h"

#include "relay/base/text.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace culvert {
namespace {

constexpr std::string_view kAskedField = "X-Culvert-Replay";
constexpr std::string_view kLastField = "Last-Event-ID";
constexpr size_t kIdDigits = 32;

// nullopt: it is not there. What is wrong is not repeated: it may be anything.
Result<std::optional<std::string_view>> only(const Headers& headers, std::string_view name) {
  if (headers.count(name) > 1) {
    return Error::client(Code::kBadRequest, Stage::kRequest,
                         std::string(name) + " is there more than once");
  }
  return headers.find(name);
}

}  // namespace

Result<std::optional<bool>> replay_asked(const Headers& headers) {
  const auto value = CULVERT_TRY(only(headers, kAskedField));
  if (!value) return std::optional<bool>();
  const std::string_view text = trim(*value);
  if (text == "1") return std::optional<bool>(true);
  if (text == "0") return std::optional<bool>(false);
  return Error::client(Code::kBadRequest, Stage::kRequest,
                       "X-Culvert-Replay is 1, so that the stream is kept, or 0");
}

Result<uint64_t> last_event_of(const Headers& headers) {
  const auto value = CULVERT_TRY(only(headers, kLastField));
  if (!value || trim(*value).empty()) return uint64_t{0};
  const std::string_view text = trim(*value);
  uint64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault == std::errc() && end == text.data() + text.size()) return number;
  return Error::client(Code::kBadRequest, Stage::kRequest,
                       "Last-Event-ID is the number in the id of the last event that came, or 0");
}

bool is_stream_id(std::string_view text) {
  return text.size() == kIdDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace culvert
