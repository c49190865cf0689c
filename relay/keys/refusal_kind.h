// What an upstream's refusal means for the key that paid, by its status, head and body. Pure.
// Errors of a request and states of an upstream (400 as a rule, 5xx with Anthropic's 529) say
// nothing about a key and never cost one.
#pragma once

#include "relay/base/clock.h"
#include "relay/codec/headers.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace culvert {

enum class RefusalKind : uint8_t {
  kNone,       // not about the key: the client's
  kOtherKey,   // this key may not do this, another one may: a region, a model, a file, a size
  kRate,       // too much at once; `wait`, else the pool's rest
  kQuota,      // used up for a day or longer; `wait` is set
  kBilling,    // no money
  kSuspended,  // by the vendor
  kInvalid,    // unknown, expired, or not for this use
  kUnknown,    // 401 or 403 that does not say why
};
std::string_view to_string(RefusalKind kind);  // one word: log, metrics

struct KeyRefusal {
  RefusalKind kind = RefusalKind::kNone;
  std::optional<Duration> wait;  // until it is worth asking again
  bool of_model = false;         // kQuota: of the model that was asked, others go on
};

// Can this answer be about the key? Then its body is read first: classify_refusal() judges both.
bool may_refuse_key(int status, const Headers& headers);

// body: "" or cut off where it could not be read; status and head then say what they can.
KeyRefusal classify_refusal(int status,
                            const Headers& headers,
                            std::string_view body,
                            WallTime now);

}  // namespace culvert
