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

void inspect_bindings(const v1::KeyPool& pool, Inspection* out) {
  std::map<std::string_view, int> bound;  // key's id → its binding
  int rest = -1;                          // the binding without keys
  for (int i = 0; i < pool.bind_size(); ++i) {
    const v1::KeyPool::Binding& binding = pool.bind(i);
    if (!Address::parse(binding.address())) {
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
  inspect_bindings(pool, out);
  inspect_selector(pool.relays(), out);
  if (pool.has_rest()) inspect_timer("rest", pool.rest(), false, out);
  if (pool.has_isolation()) inspect_timer("isolation", pool.isolation(), false, out);
}

}  // namespace culvert
