// The inside of compile: one function for each kind, and the conversions that they share.
#pragma once

#include "relay/config/compile.h"

#include <string>
#include <string_view>
#include <vector>

namespace culvert {

// All that a part of the compiler reads from and reports to.
struct Compiling {
  const Resources& resources;
  const Surroundings& surroundings;
  std::vector<std::string>* warnings;

  ConfigPlace place(std::string_view kind, std::string_view name, std::string_view path) const {
    return {resources.places.find(kind, name, path)};
  }
  // Whether this relay is of the regions and has the labels.
  bool is_for_us(const v1::Selector& relays) const;
  // The region through which to go: nothing where it is this relay's own, which is there already.
  // Error: no other relay is known to one that has joined no control service.
  Result<std::string> via(std::string_view kind,
                          std::string_view name,
                          std::string_view path,
                          std::string_view region) const;
  // `PLACE: message`, the place being that of the field.
  Error error(std::string_view kind,
              std::string_view name,
              std::string_view path,
              std::string_view message) const;
};

Result<Settings> compile_settings(const Compiling& in);
Result<Upstream> compile_upstream(const Compiling& in,
                                  const std::string& name,
                                  const v1::Upstream& written,
                                  const Timeouts& defaults);
Result<KeyPool> compile_key_pool(const Compiling& in,
                                 const std::string& name,
                                 const v1::KeyPool& written);
// Of `snapshot`, upstreams, key pools and settings are there already. Destinations that are not for
// this relay are left out; an error where none of `to` remains.
Result<Route> compile_route(const Compiling& in,
                            const std::string& name,
                            const v1::Route& written,
                            const Snapshot& snapshot);
// Of `snapshot`, settings are there already.
Result<void> compile_tunnels(const Compiling& in, Snapshot* snapshot);
std::vector<IssuedToken> compile_tokens(const Resources& resources);
Result<std::vector<Peer>> compile_peers(const Compiling& in);

RetrySettings default_retry();
RetryOverrides compile_retry(const v1::Retry& written);
ResumeOverrides compile_resume(const v1::Resume& written);
// What holds for an upstream, whose dialect is filled in.
ResumeSettings resume_of(const v1::Relay& relay, const v1::Upstream& upstream);
BreakerSettings compile_breaker(const v1::CircuitBreaker& written);
HealthCheckSettings compile_health_check(const v1::HealthCheck& written);
ConcurrencySettings compile_concurrency(const v1::Concurrency& written);

Timeouts default_timeouts();
TimeoutOverrides compile_timeouts(const v1::Timeouts& written);
HeaderRules compile_headers(const v1::HeaderRules& written);
// The file's text, which has to hold a PEM certificate.
Result<std::string> read_certificates(const Surroundings& surroundings, const std::string& path);
// Whether the file can be read and holds a PEM private key; it is wiped from memory.
Result<void> check_private_key(const Surroundings& surroundings, const std::string& path);

}  // namespace culvert
