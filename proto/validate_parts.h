// The inside of proto/validate: one function for each kind, and what they share.
#pragma once

#include "proto/scalars.h"
#include "proto/validate.h"
#include "proto/words.h"

#include <string>
#include <string_view>
#include <vector>

namespace culvert {

// The resource that is being looked at, and the list of what is wrong.
class Inspection {
 public:
  Inspection(std::string_view kind, std::string_view name, std::vector<Finding>* findings)
      : kind_(kind), name_(name), findings_(findings) {}

  void say(const std::string& path, const std::string& message) {
    findings_->push_back({kind_, name_, path, message});
  }
  void check(const std::string& path, const Flaw& flaw) {
    if (flaw) say(path, *flaw);
  }

 private:
  std::string kind_;
  std::string name_;
  std::vector<Finding>* findings_;
};

std::string indexed(std::string_view path, int index);  // path[index]

void inspect_relay(const Resources& resources, Inspection* out);
void inspect_upstream(const std::string& name, const v1::Upstream& upstream, Inspection* out);
void inspect_key_pool(const Resources& resources, const v1::KeyPool& pool, Inspection* out);
void inspect_route(const Resources& resources, const v1::Route& route, Inspection* out);
void inspect_tunnel(const Resources& resources,
                    const std::string& name,
                    const v1::Tunnel& tunnel,
                    Inspection* out);

// Of an upstream, or of a route, which leaves the budget to its upstreams.
void inspect_retry(const v1::Retry& retry, bool of_route, Inspection* out);
// base: nothing is below it; others are laid over another one.
void inspect_resume(const std::string& path, const v1::Resume& resume, bool base, Inspection* out);
void inspect_breaker(const v1::CircuitBreaker& breaker, Inspection* out);
void inspect_health_check(const v1::HealthCheck& check, Inspection* out);
void inspect_concurrency(const v1::Concurrency& concurrency, Inspection* out);
// `what` at `path` as a number between two bounds.
void inspect_number(const std::string& path,
                    std::string_view what,
                    uint64_t number,
                    uint64_t least,
                    uint64_t most,
                    Inspection* out);

void inspect_reference(const Resources& resources,
                       const std::string& path,
                       const std::string& upstream,
                       Inspection* out);
void inspect_control(const v1::Control& control, Inspection* out);
void inspect_token(const v1::RelayToken& token, Inspection* out);
void inspect_selector(const v1::Selector& relays, Inspection* out);
void inspect_labels(const std::string& path,
                    const google::protobuf::Map<std::string, std::string>& labels,
                    Inspection* out);
void inspect_timeouts(const std::string& path, const v1::Timeouts& timeouts, Inspection* out);
// More than nothing unless zero means something, and no more than a day.
void inspect_timer(const std::string& path,
                   const google::protobuf::Duration& timer,
                   bool zero,
                   Inspection* out);
void inspect_set_of_key(const std::string& alias,
                        const v1::Upstream& upstream,
                        const v1::HeaderRules& rules,
                        Inspection* out);
void inspect_generic_headers(const v1::Relay& relay, Inspection* out);
void inspect_headers(const std::string& path, const v1::HeaderRules& rules, Inspection* out);
bool upstream_exists(const Resources& resources, const std::string& alias);
// Its own, else the preset's, else opaque.
v1::Dialect dialect_of(const std::string& alias, const v1::Upstream& upstream);

struct BackoffDefaults {
  Duration backoff;
  Duration most;
};
// laid_over: what is not written is another resource's, which is not known here.
template <class Written>  // v1::Retry, v1::Resume
void inspect_backoff(const std::string& path,
                     const Written& written,
                     const BackoffDefaults& defaults,
                     bool laid_over,
                     Inspection* out) {
  const bool backoff = written.has_backoff();
  const bool most = written.has_backoff_most();
  if (backoff) inspect_timer(path + ".backoff", written.backoff(), true, out);
  if (most) inspect_timer(path + ".backoff_most", written.backoff_most(), true, out);
  if (laid_over && !(backoff && most)) return;
  const Duration first = backoff ? from_proto(written.backoff()) : defaults.backoff;
  const Duration last = most ? from_proto(written.backoff_most()) : defaults.most;
  if (first <= last) return;
  out->say(path + (backoff ? ".backoff" : ".backoff_most"),
           "a backoff of " + print_duration(first) + " above backoff_most, which is " +
               print_duration(last) + "; allowed is up to that");
}

}  // namespace culvert
