// Finds the Route resource that a request falls under. Compiled once per snapshot; a look-up costs
// by the number of segments in the path and of routes on the same prefix, not by the number of
// routes.
#pragma once

#include "relay/base/random.h"
#include "relay/codec/headers.h"
#include "relay/config/snapshot.h"

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace culvert {

struct RouteQuery {
  std::string_view path;    // with or without query
  std::string_view host;    // as the client sent it; a port is ignored
  std::string_view model;   // "" where it is not known
  bool model_known = true;  // false: the body was not read yet
  const Headers& headers;
};

class RouteTable {
 public:
  explicit RouteTable(const std::vector<Route>& routes);  // sorted most specific first; outlives it

  struct Match {
    const Route* route = nullptr;
    bool needs_model = false;  // a more specific route waits for the model's name
  };
  Match find(const RouteQuery& query) const;

 private:
  struct Bucket {
    std::unordered_map<std::string, std::vector<size_t>> by_host;  // exact hosts
    std::vector<size_t> others;
  };
  void collect(const Bucket& bucket, const std::string& host, std::vector<size_t>* found) const;

  const std::vector<Route>& routes_;
  std::unordered_map<std::string, Bucket> by_prefix_;
};

// An index drawn by weight; all weights together must be above 0.
size_t pick_weighted(const std::vector<uint32_t>& weights, Random& random);

// "*" stands for any text, also in the middle.
bool matches_pattern(std::string_view pattern, std::string_view text);

// The path and query that a route passes on: with its prefix replaced where it says so.
std::string rewritten(const Route& route, std::string_view path);

}  // namespace culvert
