// What one try asks of its upstream, put together from what the stages found: where to connect, the
// head's bytes, the timers. And the other way: the upstream's head as the client gets it. Pure.
#pragma once

#include "relay/codec/request_parser.h"
#include "relay/codec/response_parser.h"
#include "relay/flow/attempt.h"
#include "relay/flow/client_side.h"
#include "relay/flow/heading.h"

#include <string>
#include <string_view>

namespace culvert {

struct Call {
  const Asked& asked;
  const Heading& heading;
  const Url& target;
  const Secret* key;   // of a pool; null: none
  int64_t growth = 0;  // bytes by which the body becomes longer, or shorter
  std::string_view ws_key{};  // of a WebSocket, new for each try
};

AttemptPlan plan_of(const Call& call);

// By which way it goes. Where a key is bound to a way out, it leaves there, whichever strategy's
// turn it is.
void set_way(const Strategy& strategy, const Exit& exit, AttemptPlan* plan);

AnswerHead answer_head(const ResponseHead& head, bool generic, std::string_view request_id);

}  // namespace culvert
