// Key pools. That an id is one of the pool's keys is seen by who has read the keys: the relay's
// compiler and the control service.
#include "proto/scalars.h"
#include "proto/validate_parts.h"
#include "relay/base/address.h"
#include "relay/base/limits.h"

#include <map>

namespace culvert {
namespace {

void inspect_keys(const v1::KeyPool& pool, Inspection* out) {
  if (pool.keys_size() == 0) out->say("keys", "a pool without keys; needed is at least one");
  if (static_cast<size_t>(pool.keys_size()) > limits::kKeysPerPool) {
    out->say("keys", "too many keys; allowed are up to " + std::to_string(limits::kKeysPerPool));
  }
  std::map<std::string_view, int> seen;
  for (int i = 0; i < pool.keys_size(); ++i) {
    const std::string& key = pool.keys(i).value();
    out->check(indexed("keys", i), is_reference(key) ? Flaw() : key_flaw(key));
    const auto [first, fresh] = seen.emplace(key, i);
    if (!fresh) {
      out->say(indexed("keys", i),
               "the same key as keys[" + std::to_string(first->second) + "]; give it once");
    }
  }
  for (int i = 0; i < pool.disabled_size(); ++i) {
    out->check(indexed("disabled", i), key_id_flaw(pool.disabled(i)));
  }
}

void inspect_key_limits(const v1::KeyLimits& limits, Inspection* out) {
  const auto look = [&](bool given, const char* name, uint64_t number) {
    if (!given || number > 0) return;
    out->say(std::string("limits.") + name,
             std::string(name) +
                 " of 0 would let nothing through; allowed are 1 and more, and "
                 "without a limit it is left out");
  };
  look(limits.has_requests_per_minute(), "requests_per_minute", limits.requests_per_minute());
  look(limits.has_tokens_per_minute(), "tokens_per_minute", limits.tokens_per_minute());
  look(limits.has_requests_per_day(), "requests_per_day", limits.requests_per_day());
  look(limits.has_tokens_per_day(), "tokens_per_day", limits.tokens_per_day());
}

// A key that is to leave in a region never leaves by another way.
void inspect_via(const v1::KeyPool& pool, int i, const v1::Upstream* upstream, Inspection* out) {
  const v1::KeyPool::Binding& binding = pool.bind(i);
  out->check(indexed("bind", i) + ".via", name_flaw(binding.via()));
  if (!binding.address().empty()) {
    out->say(indexed("bind", i), "both address and via; allowed is one of them");
  }
  if (upstream == nullptr) return;
  const auto& ways = upstream->strategies();
  const auto is_fetch = [](const std::string& way) { return way == "fetch"; };
  const bool fetch_alone = !ways.empty() && std::all_of(ways.begin(), ways.end(), is_fetch);
  if (!fetch_alone && !upstream->has_egress_proxy()) return;
  out->say(indexed("bind", i) + ".via", "the upstream " + in_quotes(pool.upstream()) +
                                            " is reached by fetch alone, which goes through no "
                                            "other relay; needed is the strategy socket or via");
}

void inspect_bindings(const v1::KeyPool& pool, const v1::Upstream* upstream, Inspection* out) {
  std::map<std::string_view, int> bound;  // key's id → its binding
  int rest = -1;                          // the binding without keys
  for (int i = 0; i < pool.bind_size(); ++i) {
    const v1::KeyPool::Binding& binding = pool.bind(i);
    if (!binding.via().empty()) {
      inspect_via(pool, i, upstream, out);
    } else if (!Address::parse(binding.address())) {
      out->say(indexed("bind", i) + ".address",
               in_quotes(binding.address()) +
                   " is no address; allowed is an IPv4 or IPv6 address of the relay's machine, "
                   "without brackets and port");
    }
    if (binding.keys_size() == 0 && rest >= 0) {
      out->say(indexed("bind", i),
               "a second binding without keys, after " + indexed("bind", rest) +
                   "; allowed is one, for all keys that no other binding names");
    }
    if (binding.keys_size() == 0) rest = i;
    for (int k = 0; k < binding.keys_size(); ++k) {
      const std::string path = indexed(indexed("bind", i) + ".keys", k);
      out->check(path, key_id_flaw(binding.keys(k)));
      const auto [first, fresh] = bound.emplace(binding.keys(k), i);
      if (!fresh) {
        out->say(path, in_quotes(binding.keys(k)) + " is bound by " +
                           indexed("bind", first->second) + " already; bind it once");
      }
    }
  }
}

}  // namespace

void inspect_key_pool(const Resources& resources, const v1::KeyPool& pool, Inspection* out) {
  inspect_reference(resources, "upstream", pool.upstream(), out);
  inspect_keys(pool, out);
  inspect_key_limits(pool.limits(), out);
  const auto upstream = resources.upstreams.find(pool.upstream());
  inspect_bindings(pool, upstream == resources.upstreams.end() ? nullptr : &upstream->second, out);
  inspect_selector(pool.relays(), out);
  if (pool.has_rest()) inspect_timer("rest", pool.rest(), false, out);
  if (pool.has_isolation()) inspect_timer("isolation", pool.isolation(), false, out);
}

}  // namespace culvert
