// Candidates come from hash tables; the conditions of each are then held against the request, in
// the order of how specific they are.
#include "relay/route/route_table.h"

#include "relay/base/text.h"
#include "relay/base/url.h"

#include <algorithm>
#include <numeric>

namespace culvert {
namespace {

std::string host_only(std::string_view host) {
  const auto authority = parse_authority(host);
  return authority ? lower(authority->host) : std::string();
}

bool headers_match(const Route& route, const Headers& headers) {
  return std::all_of(route.headers.begin(), route.headers.end(), [&](const auto& wanted) {
    const std::string* value = headers.find(wanted.first);
    return value != nullptr && (wanted.second == "*" || *value == wanted.second);
  });
}

bool host_matches(const Route& route, const std::string& host) {
  return route.hosts.empty() ||
         std::any_of(route.hosts.begin(), route.hosts.end(),
                     [&](const HostPattern& pattern) { return pattern.matches(host); });
}

bool model_matches(const Route& route, std::string_view model) {
  return std::any_of(route.models.begin(), route.models.end(),
                     [&](const std::string& pattern) { return matches_pattern(pattern, model); });
}

}  // namespace

RouteTable::RouteTable(const std::vector<Route>& routes) : routes_(routes) {
  for (size_t i = 0; i < routes.size(); ++i) {
    Bucket& bucket = by_prefix_[routes[i].path_prefix];
    const bool exact = !routes[i].hosts.empty() &&
                       std::none_of(routes[i].hosts.begin(), routes[i].hosts.end(),
                                    [](const HostPattern& p) { return p.text.starts_with('*'); });
    if (!exact) {
      bucket.others.push_back(i);
      continue;
    }
    for (const HostPattern& host : routes[i].hosts) bucket.by_host[host.text].push_back(i);
  }
}

void RouteTable::collect(const Bucket& bucket,
                         const std::string& host,
                         std::vector<size_t>* found) const {
  found->insert(found->end(), bucket.others.begin(), bucket.others.end());
  if (const auto named = bucket.by_host.find(host); named != bucket.by_host.end()) {
    found->insert(found->end(), named->second.begin(), named->second.end());
  }
}

RouteTable::Match RouteTable::find(const RouteQuery& query) const {
  if (routes_.empty()) return {};
  const std::string host = host_only(query.host);
  const std::string_view path = query.path.substr(0, query.path.find('?'));
  std::vector<size_t> candidates;
  // Every prefix that ends at a segment's end, and the empty one.
  for (size_t end = 0; end <= path.size(); ++end) {
    if (end != 0 && end != path.size() && path[end] != '/') continue;
    const auto bucket = by_prefix_.find(std::string(path.substr(0, end)));
    if (bucket != by_prefix_.end()) collect(bucket->second, host, &candidates);
  }
  std::sort(candidates.begin(), candidates.end());
  for (const size_t index : candidates) {
    const Route& route = routes_[index];
    if (!host_matches(route, host) || !headers_match(route, query.headers)) continue;
    if (route.models.empty()) return {&route, false};
    if (!query.model_known) return {nullptr, true};
    if (model_matches(route, query.model)) return {&route, false};
  }
  return {};
}

size_t pick_weighted(const std::vector<uint32_t>& weights, Random& random) {
  const uint64_t total = std::accumulate(weights.begin(), weights.end(), uint64_t{0});
  uint64_t drawn = total == 0 ? 0 : random.below(total);
  for (size_t i = 0; i < weights.size(); ++i) {
    if (drawn < weights[i]) return i;
    drawn -= weights[i];
  }
  return 0;
}

bool matches_pattern(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string rewritten(const Route& route, std::string_view path) {
  if (!route.rewrite_prefix) return std::string(path);
  return join_path(*route.rewrite_prefix, path.substr(route.path_prefix.size()));
}

}  // namespace culvert
