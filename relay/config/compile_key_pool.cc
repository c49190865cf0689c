// Key pools. Keys are known by their ids here, so that what names one is held to those that are
// there.
#include "proto/scalars.h"
#include "proto/words.h"
#include "relay/base/limits.h"
#include "relay/config/compile_parts.h"
#include "relay/config/key_id.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace culvert {
namespace {

KeyPolicy to_policy(v1::KeyPool::Policy policy) {
  switch (policy) {
    case v1::KeyPool::POLICY_RANDOM:
      return KeyPolicy::kRandom;
    case v1::KeyPool::POLICY_LEAST_USED:
      return KeyPolicy::kLeastUsed;
    case v1::KeyPool::POLICY_STICKY:
      return KeyPolicy::kSticky;
    default:
      return KeyPolicy::kRoundRobin;
  }
}

Result<std::vector<Secret>> read_keys(const Compiling& in,
                                      const std::string& name,
                                      const v1::KeyPool& written) {
  std::vector<Secret> keys;
  keys.reserve(static_cast<size_t>(written.keys_size()));
  std::map<std::string_view, int> seen;  // into the keys' own memory, which stays where it is
  for (int i = 0; i < written.keys_size(); ++i) {
    const std::string path = "keys[" + std::to_string(i) + "]";
    auto key = in.surroundings.secret(written.keys(i).value());
    if (!key) return in.error("KeyPool", name, path, key.error().detail);
    if (const auto flaw = key_flaw(key->reveal())) return in.error("KeyPool", name, path, *flaw);
    keys.push_back(*std::move(key));
    const auto [first, fresh] = seen.emplace(keys.back().reveal(), i);
    if (fresh) continue;
    return in.error("KeyPool", name, path,
                    "the same key as keys[" + std::to_string(first->second) + "]; give it once");
  }
  return keys;
}

std::string id_of(const Secret& key) { return key_id(key.reveal()); }

KeyLimits compile_limits(const v1::KeyLimits& written) {
  return {written.requests_per_minute(), written.tokens_per_minute(), written.requests_per_day(),
          written.tokens_per_day()};
}

Result<Exit> compile_exit(const Compiling& in,
                          const std::string& name,
                          int index,
                          const v1::KeyPool::Binding& binding) {
  Exit exit;
  if (const auto address = Address::parse(binding.address())) exit.address = *address;
  if (binding.via().empty()) return exit;
  exit.via = CULVERT_TRY(
      in.via("KeyPool", name, fmt::format("bind[{}].via", index), binding.via()));
  return exit;
}

// Of each key in the order of `keys`. A binding that names no key holds for those that are left.
Result<std::vector<Exit>> compile_bindings(const Compiling& in,
                                           const std::string& name,
                                           const v1::KeyPool& written,
                                           const std::vector<Secret>& keys) {
  std::vector<std::optional<Exit>> bound(keys.size());
  std::vector<Exit> out(keys.size());
  if (written.bind_size() == 0) return out;
  std::map<std::string, size_t> by_id;
  for (size_t i = 0; i < keys.size(); ++i) by_id.emplace(id_of(keys[i]), i);
  Exit rest;
  for (int i = 0; i < written.bind_size(); ++i) {
    const v1::KeyPool::Binding& binding = written.bind(i);
    const Exit exit = CULVERT_TRY(compile_exit(in, name, i, binding));
    if (binding.keys_size() == 0) rest = exit;
    for (int k = 0; k < binding.keys_size(); ++k) {
      const auto found = by_id.find(binding.keys(k));
      if (found == by_id.end()) {
        return in.error("KeyPool", name, fmt::format("bind[{}].keys[{}]", i, k),
                        in_quotes(binding.keys(k)) +
                            " is no key of this pool; allowed are the first 12 hexadecimal digits "
                            "of the SHA-256 of one");
      }
      bound[found->second] = exit;
    }
  }
  for (size_t i = 0; i < out.size(); ++i) out[i] = bound[i].value_or(rest);
  return out;
}

void leave_out_disabled(const v1::KeyPool& written, KeyPool* pool) {
  if (written.disabled_size() == 0) return;
  const std::set<std::string> disabled(written.disabled().begin(), written.disabled().end());
  size_t kept = 0;
  for (size_t i = 0; i < pool->keys.size(); ++i) {
    if (disabled.count(id_of(pool->keys[i])) != 0) continue;
    if (kept != i) pool->keys[kept] = std::move(pool->keys[i]);
    pool->exits[kept++] = pool->exits[i];
  }
  pool->keys.resize(kept);
  pool->exits.resize(kept);
}

}  // namespace

Result<KeyPool> compile_key_pool(const Compiling& in,
                                 const std::string& name,
                                 const v1::KeyPool& written) {
  KeyPool out;
  out.name = name;
  out.upstream = written.upstream();
  out.policy = to_policy(written.policy());
  out.rest = written.has_rest() ? from_proto(written.rest()) : limits::kKeyRest;
  out.isolation =
      written.has_isolation() ? from_proto(written.isolation()) : Duration(limits::kKeyIsolation);
  out.keys = CULVERT_TRY(read_keys(in, name, written));
  out.limits = compile_limits(written.limits());
  out.probe = !written.probe_off();
  out.exits = CULVERT_TRY(compile_bindings(in, name, written, out.keys));
  leave_out_disabled(written, &out);
  if (in.resources.withheld_pools.count(name) != 0) {
    out.keys.clear();
    out.exits.clear();
  }
  return out;
}

}  // namespace culvert
