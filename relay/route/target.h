// What a request's path asks for: a page of the relay, a preset alias, a host of the generic proxy,
// Gemini's own form, or something that only a Route can know (surface: URLs of a relay).
// Pure; path and query stay byte for byte.
#pragma once

#include "relay/base/result.h"
#include "relay/base/url.h"
#include "relay/config/snapshot.h"

#include <optional>
#include <string>
#include <string_view>

namespace culvert {

// Is this a relay token? Asked of path segments; answers in constant time (gate/tokens.h).
class TokenCheck {
 public:
  virtual ~TokenCheck() = default;
  virtual bool is_token(std::string_view text) const = 0;
};

enum class Place : uint8_t {
  kUnknown,
  kStatus,
  kHealth,
  kReady,
  kWellKnown,
  kPreset,
  kGeneric,
  kGemini
};

struct Where {
  Place place = Place::kUnknown;
  bool token_in_path = false;
  std::string path;   // path and query without a token: what routes are matched against
  std::string alias;  // kPreset, kGemini
  std::string rest;   // what follows the target's base path: "", "/…" or "?…"
  Url url;            // kGeneric: scheme, host, port; no path
  std::string model;  // where the path names it (Gemini)
};

// target: in origin-form and checked (check_target). Errors are the client's: a generic target that
// is no host, a scheme that is not carried (ws, wss: kNotImplemented).
Result<Where> locate(std::string_view target, const Snapshot& snapshot, const TokenCheck& tokens);

// The model's name in ".../models/{model}:{method}" or ".../tunedModels/{model}"; "" where there is
// none (Gemini API reference: models.*).
std::string model_in_path(std::string_view path);

// The value of the query's first `name=`, percent-decoded; nullopt where there is none.
std::optional<std::string> query_value(std::string_view target, std::string_view name);
// The target without any pair of that name; every other byte stays.
std::string without_query_pair(std::string_view target, std::string_view name);

}  // namespace culvert
