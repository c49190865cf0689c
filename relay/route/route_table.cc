// Candidates come from hash tables; the conditions of each are then held against the request, in
// the order of how specific they are.
#include "relay/route/route_table.h"

#include "relay/base/text.h"
#include "relay/base/url.h"

#include <algorithm>
#include <numeric>

namespace culvert {
namespace {

bool is_exact(const std::string& pattern) { return pattern.find('*') == std::string::npos; }

std::string host_only(std::string_view host) {
  const auto authority = parse_authority(host);
  return authority ? lower(authority->host) : std::string();
}

bool host_matches(const Route& route, std::string_view host) {
  return route.hosts.empty() ||
         std::any_of(route.hosts.begin(), route.hosts.end(),
                     [&](const HostPattern& pattern) { return pattern.matches(host); });
}

// A field that came several times matches by any of its values.
bool header_matches(const std::pair<std::string, std::string>& wanted, const Headers& headers) {
  for (const Header& field : headers) {
    if (!equal_ignoring_case(field.name, wanted.first)) continue;
    if (wanted.second == "*" || field.value == wanted.second) return true;
  }
  return false;
}

bool headers_match(const Route& route, const Headers& headers) {
  return std::all_of(route.headers.begin(), route.headers.end(),
                     [&](const auto& wanted) { return header_matches(wanted, headers); });
}

bool model_matches(const Route& route, std::string_view model) {
  return !model.empty() &&
         std::any_of(route.models.begin(), route.models.end(),
                     [&](const std::string& pattern) { return matches_pattern(pattern, model); });
}

template <class Found>
void append(const std::vector<uint32_t>& indices, Found* found) {
  for (const uint32_t index : indices) found->push_back(index);
}

template <class Index, class Found>
void append(const Index& index, const std::string& key, Found* found) {
  const auto entry = index.find(key);
  if (entry != index.end()) append(entry->second, found);
}

}  // namespace

RouteTable::RouteTable(const std::vector<Route>& routes) : routes_(routes) {
  for (uint32_t i = 0; i < routes.size(); ++i) {
    list(routes[i], i, &by_prefix_[routes[i].path_prefix]);
    longest_prefix_ = std::max(longest_prefix_, routes[i].path_prefix.size());
    by_host_ = by_host_ || !routes[i].hosts.empty();
  }
}

void RouteTable::list(const Route& route, uint32_t index, Bucket* bucket) {
  if (!route.hosts.empty()) {
    for (const HostPattern& host : route.hosts) {
      const bool wild = host.text.starts_with("*.");
      bucket->by_host[wild ? host.text.substr(1) : host.text].push_back(index);
    }
    return;
  }
  for (const auto& [name, value] : route.headers) {
    if (value == "*") continue;
    bucket->by_header[lower(name) + '\n' + value].push_back(index);
    return;
  }
  if (!route.models.empty() && std::all_of(route.models.begin(), route.models.end(), is_exact)) {
    for (const std::string& model : route.models) bucket->by_model[model].push_back(index);
    if (!bucket->model_asked) bucket->before_model.push_back(index);
    bucket->model_asked = bucket->model_asked || route.headers.empty();
    return;
  }
  bucket->others.push_back(index);
}

void RouteTable::collect(const Bucket& bucket,
                         const RouteQuery& query,
                         std::string_view host,
                         Found* found) const {
  append(bucket.others, found);
  if (!bucket.by_host.empty() && !host.empty()) {
    append(bucket.by_host, std::string(host), found);
    for (size_t dot = host.find('.'); dot != std::string_view::npos;
         dot = host.find('.', dot + 1)) {
      append(bucket.by_host, std::string(host.substr(dot)), found);
    }
  }
  if (!bucket.by_header.empty()) {
    for (const Header& field : query.headers) {
      append(bucket.by_header, (lower(field.name) += '\n').append(field.value), found);
    }
  }
  if (query.model_known) {
    append(bucket.by_model, std::string(query.model), found);
  } else {
    append(bucket.before_model, found);
  }
}

RouteTable::Found RouteTable::candidates(const RouteQuery& query, std::string_view host) const {
  const std::string_view path = query.path.substr(0, query.path.find('?'));
  Found found;
  // Every prefix that ends at a segment's end, and the empty one.
  const size_t most = std::min(path.size(), longest_prefix_);
  for (size_t end = 0; end <= most; ++end) {
    if (end != 0 && end != path.size() && path[end] != '/') continue;
    const auto bucket = by_prefix_.find(std::string(path.substr(0, end)));
    if (bucket != by_prefix_.end()) collect(bucket->second, query, host, &found);
  }
  std::sort(found.begin(), found.end());
  found.truncate(static_cast<size_t>(std::unique(found.begin(), found.end()) - found.begin()));
  return found;
}

RouteTable::Match RouteTable::find(const RouteQuery& query) const {
  Match match;
  if (routes_.empty()) return match;
  const std::string host = by_host_ ? host_only(query.host) : std::string();
  for (const uint32_t index : candidates(query, host)) {
    const Route& route = routes_[index];
    ++match.examined;
    if (!host_matches(route, host) || !headers_match(route, query.headers)) continue;
    if (!route.models.empty() && !query.model_known) {
      match.needs_model = true;
      match.route = &route;
      return match;
    }
    if (!route.models.empty() && !model_matches(route, query.model)) continue;
    match.route = &route;
    return match;
  }
  return match;
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

// Backtracks to the last star only, so that no pattern takes more than pattern × text steps.
bool matches_pattern(std::string_view pattern, std::string_view text) {
  size_t at = 0;
  size_t seen = 0;
  size_t star = std::string_view::npos;
  size_t mark = 0;
  while (seen < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      mark = seen;
    } else if (at < pattern.size() && pattern[at] == text[seen]) {
      ++at;
      ++seen;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      seen = ++mark;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

std::string rewritten(const Route& route, std::string_view path) {
  if (!route.rewrite_prefix) return std::string(path);
  return join_path(*route.rewrite_prefix, path.substr(route.path_prefix.size()));
}

}  // namespace culvert
