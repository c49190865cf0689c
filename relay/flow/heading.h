// One way that a request may go: what it asks of which upstream, and who pays there. Made anew for
// each destination of a route that is tried. Pure.
#pragma once

#include "relay/base/result.h"
#include "relay/codec/request_parser.h"
#include "relay/codec/ws_handshake.h"
#include "relay/flow/table.h"
#include "relay/gate/admission.h"
#include "relay/gate/credentials.h"
#include "relay/route/target.h"

#include <span>
#include <string>

namespace culvert {

// What a request's own words lead to, as far as they are known. All of it outlives the headings.
struct Asked {
  const Table& table;
  const RequestHead& request;
  const Where& where;
  const Route* route = nullptr;  // null: none matched
  const WsOffer* ws = nullptr;   // null: no WebSocket is asked for
};

struct Heading {
  const Destination* destination = nullptr;  // null: no route matched
  std::string alias;                   // "generic": a host that the client named; "": nowhere
  const Upstream* upstream = nullptr;  // null: the generic proxy, or nowhere
  std::string path;                    // path and query, without the base path of a target
  Timeouts timeouts;
  Credentials credentials;  // read where that upstream takes its keys
  Payer payer = Payer::kNone;
  std::string key_pool;  // "": the upstream's own
  std::string model;     // what the body's model is replaced by; "": nothing is

  bool rewrites_body() const { return !model.empty(); }
  bool generic() const { return upstream == nullptr && !alias.empty(); }
  Dialect dialect() const { return upstream == nullptr ? Dialect::kOpaque : upstream->dialect; }
};

// A host that the client names, as an upstream without a name of its own: nothing but the way there
// is tried again.
Upstream guest_of(const Asked& asked);

// destination: of the route; null where no route matched. known: ways of this request to take
// credentials over from where the upstream is the same, because to read them costs hashes.
Heading towards(const Asked& asked,
                const Destination* destination,
                std::span<const Heading> known = {});

// May the request go there, and who pays? Errors: as admit() of the gate.
Result<void> admit(const Asked& asked, Heading* heading);

}  // namespace culvert
