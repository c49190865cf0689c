// Places: a map from "kind\nname\npath"; neither kinds nor names hold a line break.
#include "proto/resources.h"

namespace culvert {
namespace {

std::string key_of(std::string_view kind, std::string_view name, std::string_view path) {
  std::string key(kind);
  key += '\n';
  key += name;
  key += '\n';
  key += path;
  return key;
}

}  // namespace

void Places::put(std::string_view kind,
                 std::string_view name,
                 std::string_view path,
                 std::string place) {
  places_.insert_or_assign(key_of(kind, name, path), std::move(place));
}

std::string Places::find(std::string_view kind,
                         std::string_view name,
                         std::string_view path) const {
  for (;;) {
    const auto found = places_.find(key_of(kind, name, path));
    if (found != places_.end()) return found->second;
    if (path.empty()) break;
    const auto last = path.find_last_of(".[");
    path = path.substr(0, last == std::string_view::npos ? 0 : last);
  }
  return std::string(kind) + " " + std::string(name);
}

void Places::erase(std::string_view kind, std::string_view name, std::string_view path) {
  const std::string start = key_of(kind, name, path);
  auto at = places_.lower_bound(start);
  while (at != places_.end() && at->first.compare(0, start.size(), start) == 0) {
    const bool below = path.empty() || at->first.size() == start.size() ||
                       at->first[start.size()] == '.' || at->first[start.size()] == '[';
    at = below ? places_.erase(at) : std::next(at);
  }
}

void Places::copy(const Places& from, std::string_view kind, std::string_view name) {
  const std::string start = key_of(kind, name, "");
  for (auto at = from.places_.lower_bound(start);
       at != from.places_.end() && at->first.compare(0, start.size(), start) == 0; ++at) {
    places_.insert_or_assign(at->first, at->second);
  }
}

std::optional<std::string> own_pool(const Resources& resources, const std::string& upstream) {
  const auto named = resources.key_pools.find(upstream);
  if (named != resources.key_pools.end() && named->second.upstream() == upstream) return upstream;
  const std::string* only = nullptr;
  for (const auto& [name, pool] : resources.key_pools) {
    if (pool.upstream() != upstream) continue;
    if (only != nullptr) return std::nullopt;
    only = &name;
  }
  if (only == nullptr) return std::nullopt;
  return *only;
}

}  // namespace culvert
