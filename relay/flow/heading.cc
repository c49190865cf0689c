// See heading.h.
#include "relay/flow/heading.h"

#include "relay/base/limits.h"
#include "relay/base/query.h"
#include "relay/route/route_table.h"

namespace culvert {
namespace {

Credentials credentials_for(const Asked& asked,
                            const Upstream* upstream,
                            std::span<const Heading> known) {
  for (const Heading& heading : known) {
    if (heading.upstream == upstream) return heading.credentials;
  }
  return read_credentials(asked.request.headers, asked.where.path, upstream,
                          asked.where.token.reveal(), asked.table.tokens(),
                          asked.ws == nullptr ? nullptr : &asked.ws->protocols);
}

Heading generic(const Asked& asked) {
  Heading heading;
  heading.alias = "generic";
  heading.path = join_path({}, asked.where.rest);
  heading.timeouts = asked.table.settings().timeouts;
  return heading;
}

Heading to_upstream(const Asked& asked, const std::string& alias) {
  Heading heading;
  heading.alias = alias;
  heading.upstream = asked.table.snapshot().upstream(alias);
  heading.path = asked.where.rest;
  heading.timeouts = heading.upstream->timeouts;
  return heading;
}

Heading by_route(const Asked& asked, const Destination& destination) {
  const Route& route = *asked.route;
  Heading heading = to_upstream(asked, destination.upstream);
  heading.destination = &destination;
  // A route by model, host or header leaves the alias where it is: before the upstream's path.
  const bool behind_alias = asked.where.place == Place::kPreset && route.path_prefix.empty() &&
                            !route.rewrite_prefix;
  if (!behind_alias) heading.path = rewritten(route, asked.where.path);
  heading.timeouts = merged(heading.timeouts, route.timeouts);
  heading.key_pool = destination.key_pool;
  if (destination.model.empty()) return heading;
  // Of a WebSocket, OpenAI's Realtime API has it in the query, and others in messages.
  if (asked.ws != nullptr) {
    heading.path = with_query_value(heading.path, "model", destination.model);
    return heading;
  }
  // Gemini's requests name it in their path.
  auto replaced = with_model(heading.path, destination.model);
  replaced ? heading.path = *std::move(replaced) : heading.model = destination.model;
  return heading;
}

}  // namespace

Upstream guest_of(const Asked& asked) {
  Upstream guest;
  guest.name = "generic";
  guest.targets = {{asked.where.url, 1}};
  guest.timeouts = asked.table.settings().timeouts;
  guest.strategies = {Strategy::kSocket, Strategy::kFetch};
  guest.retry.attempts = 1;
  guest.breaker.on = false;
  guest.health_check.on = false;
  guest.concurrency = {.most = limits::kConcurrencyMost,
                       .least = limits::kConcurrencyLeast,
                       .fixed = false,
                       .queue = limits::kQueueLength,
                       .queue_age = limits::kQueueAge};
  return guest;
}

Heading towards(const Asked& asked,
                const Destination* destination,
                std::span<const Heading> known) {
  Heading heading;
  if (destination != nullptr) {
    heading = by_route(asked, *destination);
  } else if (asked.where.place == Place::kGeneric) {
    heading = generic(asked);
  } else if (!asked.where.alias.empty()) {
    heading = to_upstream(asked, asked.where.alias);
  }
  // The dialect that the path names is what counts where nothing leads on from here.
  const Upstream* carrier = heading.upstream != nullptr
                                ? heading.upstream
                                : asked.table.snapshot().upstream(asked.where.alias);
  heading.credentials = credentials_for(asked, carrier, known);
  return heading;
}

Result<void> admit(const Asked& asked, Heading* heading) {
  const AdmissionQuestion question{
      .known = !heading->alias.empty(),
      .generic = heading->generic(),
      .token_needed =
          asked.route != nullptr ? asked.route->auth : asked.table.settings().preset_auth,
      .has_pool = asked.table.pool(heading->alias, heading->key_pool) != nullptr};
  heading->payer = CULVERT_TRY(admit(question, heading->credentials));
  return {};
}

}  // namespace culvert
