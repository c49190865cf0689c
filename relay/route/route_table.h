// Finds the Route resource that a request falls under. Compiled once per snapshot; a look-up costs
// by the segments of the path and the routes that share a prefix, host, model or header with the
// request, not by the number of all routes.
#pragma once

#include "relay/base/random.h"
#include "relay/base/short_list.h"
#include "relay/codec/headers.h"
#include "relay/config/snapshot.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace culvert {

struct RouteQuery {
  std::string_view path;    // with or without query, without a token
  std::string_view host;    // as the client sent it; a port is ignored
  std::string_view model;   // "" where the request names none; no route with models matches then
  bool model_known = true;  // false: the body was not read yet
  const Headers& headers;
};

class RouteTable {
 public:
  // Sorted most specific first; outlives the table.
  explicit RouteTable(const std::vector<Route>& routes);

  struct Match {
    const Route* route = nullptr;
    bool needs_model = false;  // it waits for the model's name; others may match once that is known
    size_t examined = 0;       // routes whose conditions were looked at
  };
  Match find(const RouteQuery& query) const;

 private:
  using Indices = std::vector<uint32_t>;
  using Found = ShortList<uint32_t, 8>;
  using Index = std::unordered_map<std::string, Indices>;
  // The routes of one path prefix. Each is listed under its most telling condition only.
  struct Bucket {
    Index by_host;    // "api.example.com", and ".example.com" for "*.example.com"
    Index by_model;   // exact names
    Index by_header;  // "name\nvalue"
    // Of by_model, what must be looked at while the model is unknown: up to the first one that has
    // no other condition, which then asks for the model.
    Indices before_model;
    bool model_asked = false;  // before_model ends with such a one
    Indices others;
  };
  void list(const Route& route, uint32_t index, Bucket* bucket);
  void collect(const Bucket& bucket,
               const RouteQuery& query,
               std::string_view host,
               Found* found) const;
  Found candidates(const RouteQuery& query, std::string_view host) const;

  const std::vector<Route>& routes_;
  std::unordered_map<std::string, Bucket> by_prefix_;
  size_t longest_prefix_ = 0;  // no longer one is looked up: paths are strangers' and long
  bool by_host_ = false;       // some route is; else nobody asks which host it is
};

// An index drawn by weight. Weights that are all zero draw the first.
size_t pick_weighted(const std::vector<uint32_t>& weights, Random& random);

// "*" stands for any text, also in the middle and also for none.
bool matches_pattern(std::string_view pattern, std::string_view text);

// The path and query that a route passes on: with its prefix replaced where it says so.
std::string rewritten(const Route& route, std::string_view path);

}  // namespace culvert
