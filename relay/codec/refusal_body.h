// What an upstream's error says of the key that paid, read out of its JSON whatever the vendor:
// OpenAI and its like, Anthropic, Google (google.rpc.Status, also in an array), and those who write
// {"message"} or {"detail"}. Judging it is the keys room's; here is only where things stand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

struct RefusalBody {
  struct Quota {
    std::string id;     // "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
    std::string value;  // of the limit; "" where it is not told
  };
  std::string type;    // error.type
  std::string code;    // error.code; a number in its digits
  std::string status;  // Google: "RESOURCE_EXHAUSTED"
  // For people, in lower case, cut at kMessageBytes; what stands in quotes is left out, because it
  // may be the client's own words.
  std::string message;
  std::vector<std::string> reasons;  // google.rpc.ErrorInfo
  std::vector<Quota> quotas;         // google.rpc.QuotaFailure
  std::optional<double> resets_at;   // Unix time in seconds
  std::optional<double> resets_in;   // seconds

  static constexpr size_t kMessageBytes = 1024;
  static constexpr size_t kItems = 32;  // of reasons and of quotas
};

// Empty where the text is not JSON: cut off, compressed, a page for people.
RefusalBody read_refusal_body(std::string_view json);

}  // namespace culvert
