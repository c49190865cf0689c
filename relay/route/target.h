// What a request's path asks for: a page of the relay, a preset alias, a host of the generic proxy,
// Gemini's own form, or something that only a Route can know (surface: URLs of a relay).
// Pure; path and query stay byte for byte.
#pragma once

#include "relay/base/result.h"
#include "relay/base/url.h"
#include "relay/config/snapshot.h"
#include "relay/route/model.h"

#include <string>
#include <string_view>

namespace culvert {

// Is this a relay token? Asked of path segments; answers in constant time (gate/tokens.h).
class TokenCheck {
 public:
  virtual ~TokenCheck() = default;
  virtual bool is_token(std::string_view text) const = 0;
};

// Streams that are kept are read here, each by its id.
inline constexpr std::string_view kStreamsPath = "/.well-known/culvert/streams/";

enum class Place : uint8_t {
  kUnknown,  // no alias; a Route may still match
  kStatus,   // "/"
  kHealth,
  kReady,
  kWellKnown,
  kStream,  // one of those that are kept
  kVerify,  // tests keys
  kPreset,
  kGeneric,
  kGemini,  // Gemini's paths without an alias before them
};

struct Where {
  Place place = Place::kUnknown;
  bool token_in_path = false;
  Secret token;       // the one in the path, decoded
  std::string path;   // path and query without a token: what routes are matched against
  std::string alias;  // kPreset, kGemini: a name of the snapshot's upstreams
  // What follows the upstream's base path: "", "/…" or "?…"; kStream: what stands for an id.
  std::string rest;
  Url url;            // kGeneric: scheme (http, https), host, port; no path
  bool ws_only = false;  // kGeneric: the scheme was ws or wss, which carries nothing else
  std::string model;  // where the path names it (Gemini)
};

// target: in origin-form and checked (check_target). A segment that is no token is an alias or
// nothing, so that a wrong token looks like an unknown alias. Errors are the client's: a generic
// target that is no host (kBadRequest), only behind a right token in the path.
Result<Where> locate(std::string_view target, const Snapshot& snapshot, const TokenCheck& tokens);

}  // namespace culvert
