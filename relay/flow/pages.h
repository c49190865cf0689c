// What the relay says about itself: the status page for people and programs, health, siblings.
// Never secrets: aliases and hosts are told, keys and tokens are not; how many keys are left is for
// who shows a token of the relay's own configuration.
#pragma once

#include "relay/codec/request_parser.h"
#include "relay/config/snapshot.h"
#include "relay/flow/reply.h"
#include "relay/flow/services.h"
#include "relay/route/target.h"

#include <optional>
#include <string>
#include <string_view>

namespace culvert {

// The page of that place; nullopt where it is none of the relay's own.
std::optional<LocalAnswer> local_page(Place place,
                                      const RequestHead& request,
                                      std::string_view id,
                                      const WorkerServices& services);

// Of a page that is only read: 405.
LocalAnswer method_refused(const RequestHead& request,
                           std::string_view id,
                           const WorkerServices& services);

// To OPTIONS *: what methods are carried (RFC 9110 §9.3.7).
LocalAnswer options_answer(std::string_view id);

// The word for the access log.
std::string_view mode_of(Place place);

// A path as a log may show it: no query, and no segment that is itself a secret (Telegram's bot
// tokens, webhooks).
std::string loggable_path(std::string path, Dialect dialect);

// "" where the operator did not ask for addresses; truncated to /24 and /48 where he asked for
// that.
std::string logged_address(const Address& address, ClientAddressLogging how);

}  // namespace culvert
