// Routes: what they match, and where they lead.
#include "proto/scalars.h"
#include "proto/suggest.h"
#include "proto/validate_parts.h"
#include "proto/yaml_spec.h"
#include "relay/base/address.h"
#include "relay/base/denied_headers.h"
#include "relay/base/limits.h"
#include "relay/base/text.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace culvert {
namespace {

void inspect_match(const v1::Route::Match& match, Inspection* out) {
  if (!match.path_prefix().empty()) {
    out->check("match.path_prefix", path_prefix_flaw(match.path_prefix()));
  }
  for (int i = 0; i < match.hosts_size(); ++i) {
    const auto pattern = HostPattern::parse(match.hosts(i));
    if (!pattern) out->say(indexed("match.hosts", i), pattern.error().detail);
  }
  for (int i = 0; i < match.models_size(); ++i) {
    if (match.models(i).empty()) {
      out->say(indexed("match.models", i),
               "an empty model; allowed are names, with * for any text");
    }
  }
  for (const auto& [name, value] : match.headers()) {
    const std::string path = "match.headers[" + name + "]";
    out->check(path, header_name_flaw(name));
    out->check(path, header_value_flaw(value));
  }
}

// One walk over all destinations of a route, in the order in which they are tried.
class Destinations {
 public:
  Destinations(const Resources& resources, Inspection* out) : resources_(resources), out_(out) {}

  void inspect(const std::string& path, const v1::Route::Destination& destination) {
    const std::string& upstream = destination.upstream();
    inspect_reference(resources_, path + ".upstream", upstream, out_);
    inspect_pool(path + ".key_pool", destination);
    if (!destination.model().empty()) inspect_model(path + ".model", destination);
    if (!upstream_exists(resources_, upstream)) return;
    inspect_dialect(path + ".upstream", upstream);
    inspect_twice(path, destination);
  }

  // The upstream as it is written; of a plain preset that is nothing.
  v1::Upstream written(const std::string& upstream) const {
    const auto found = resources_.upstreams.find(upstream);
    return found == resources_.upstreams.end() ? v1::Upstream() : found->second;
  }

 private:
  v1::Dialect dialect(const std::string& upstream) const {
    return dialect_of(upstream, written(upstream));
  }

  void inspect_pool(const std::string& path, const v1::Route::Destination& destination) {
    const std::string& pool = destination.key_pool();
    if (pool.empty()) return;
    const auto found = resources_.key_pools.find(pool);
    if (found != resources_.key_pools.end() && found->second.upstream() == destination.upstream()) {
      return;
    }
    std::vector<std::string_view> names;
    for (const auto& [name, spec] : resources_.key_pools) {
      if (spec.upstream() == destination.upstream()) names.push_back(name);
    }
    const std::string allowed = names.empty() ? in_quotes(destination.upstream()) + " has none"
                                              : what_is_allowed(pool, names);
    out_->say(path, found == resources_.key_pools.end()
                        ? "there is no KeyPool " + in_quotes(pool) + "; " + allowed
                        : "the KeyPool " + in_quotes(pool) + " pays for " +
                              in_quotes(found->second.upstream()) + ", not for " +
                              in_quotes(destination.upstream()) + "; " + allowed);
  }

  void inspect_model(const std::string& path, const v1::Route::Destination& destination) {
    const std::string& model = destination.model();
    const bool text = std::all_of(model.begin(), model.end(), [](char c) {
      return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F;
    });
    if (!text || trim(model) != model || model.size() > limits::kModelBytes) {
      out_->say(path, in_quotes(model) + " is no model; allowed are names of up to " +
                          std::to_string(limits::kModelBytes) +
                          " bytes, without control characters and spaces around them");
    } else if (upstream_exists(resources_, destination.upstream()) &&
               dialect(destination.upstream()) == v1::DIALECT_OPAQUE) {
      out_->say(path, "a model for " + in_quotes(destination.upstream()) +
                          ", whose dialect is opaque, so that nobody knows where its requests "
                          "name one; leave it out, or set the Upstream's dialect");
    }
  }

  void inspect_dialect(const std::string& path, const std::string& upstream) {
    if (first_.empty()) first_ = upstream;
    const auto word = [&](const std::string& of) {
      return enumerator_word(*v1::Dialect_descriptor()->FindValueByNumber(dialect(of)));
    };
    if (dialect(upstream) == dialect(first_)) return;
    out_->say(path, in_quotes(upstream) + " speaks " + word(upstream) + " and " +
                        in_quotes(first_) + " speaks " + word(first_) +
                        "; allowed is one dialect for all destinations of a route");
  }

  void inspect_twice(const std::string& path, const v1::Route::Destination& destination) {
    const std::string& upstream = destination.upstream();
    const std::string pool = destination.key_pool() == upstream ? "" : destination.key_pool();
    const auto [first, fresh] =
        seen_.emplace(std::tuple(upstream, pool, destination.model()), path);
    if (fresh) return;
    out_->say(path, "the same upstream, key pool and model as " + first->second +
                        "; name it once, with the weight that it shall have");
  }

  const Resources& resources_;
  Inspection* out_;
  std::string first_;  // the upstream whose dialect is the route's
  std::map<std::tuple<std::string, std::string, std::string>, std::string> seen_;
};

void inspect_destinations(const Resources& resources, const v1::Route& route, Inspection* out) {
  Destinations destinations(resources, out);
  bool any = false;
  for (int i = 0; i < route.to_size(); ++i) {
    destinations.inspect(indexed("to", i), route.to(i));
    any = any || !route.to(i).has_weight() || route.to(i).weight() > 0;
  }
  if (!any) {
    out->say("to", route.to_size() == 0 ? "a route to nowhere; needed is at least one upstream"
                                        : "every weight is 0; at least one has to be above 0");
  }
  for (int i = 0; i < route.fallback_size(); ++i) {
    const std::string path = indexed("fallback", i);
    destinations.inspect(path, route.fallback(i));
    if (!route.fallback(i).has_weight()) continue;
    out->say(path + ".weight", "a weight in fallback, which is tried in its order; leave it out");
  }
  for (const auto* list : {&route.to(), &route.fallback()}) {
    for (const v1::Route::Destination& destination : *list) {
      inspect_set_of_key(destination.upstream(), destinations.written(destination.upstream()),
                         route.headers(), out);
    }
  }
}

void inspect_sticky(const v1::Route::Sticky& sticky, Inspection* out) {
  if (sticky.header().empty()) return;
  if (const auto flaw = header_name_flaw(sticky.header())) {
    out->say("sticky.header", *flaw);
  } else if (is_denied_header(sticky.header())) {
    out->say("sticky.header", in_quotes(sticky.header()) +
                                  " tells who or where the client is or belongs to one "
                                  "connection; allowed are headers of the application");
  } else if (sticky.tenant()) {
    out->say("sticky.header", "both tenant and header; allowed is one of them");
  }
}

}  // namespace

void inspect_route(const Resources& resources, const v1::Route& route, Inspection* out) {
  inspect_match(route.match(), out);
  inspect_destinations(resources, route, out);
  inspect_sticky(route.sticky(), out);
  inspect_retry(route.retry(), true, out);
  inspect_resume("resume", route.resume(), false, out);
  inspect_headers("headers", route.headers(), out);
  inspect_timeouts("timeouts", route.timeouts(), out);
  inspect_selector(route.relays(), out);
  if (route.has_rewrite_prefix() && !route.rewrite_prefix().empty()) {
    out->check("rewrite_prefix", path_prefix_flaw(route.rewrite_prefix()));
  }
}

}  // namespace culvert
