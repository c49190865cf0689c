// What one try asks of its upstream, put together from what the stages found: where to connect, the
// head's bytes, the timers. And the other way: the upstream's head as the client gets it. Pure.
#pragma once

#include "relay/codec/request_parser.h"
#include "relay/codec/response_parser.h"
#include "relay/flow/attempt.h"
#include "relay/flow/client_side.h"
#include "relay/gate/admission.h"

#include <string>

namespace culvert {

struct Call {
  const Table& table;
  const RequestHead& request;
  const std::string& alias;  // "generic" for the generic proxy
  const Upstream* upstream;  // null: the generic proxy
  const Route* route;        // null: none matched
  const Url& target;
  const std::string& path;  // path and query as they go up, but for the query's key
  const Timeouts& timeouts;
  const Credentials& credentials;
  Payer payer;
  const Secret* key;  // of a pool; null: none
};

AttemptPlan plan_of(const Call& call);

AnswerHead answer_head(const ResponseHead& head, bool generic, std::string_view request_id);

}  // namespace culvert
