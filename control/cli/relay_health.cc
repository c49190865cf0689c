// Red is what fails, yellow what is left out by somebody's wish.
#include "control/cli/relay_health.h"

#include "control/cli/display.h"
#include "control/cli/times.h"

#include <fmt/format.h>

namespace culvert::cli {
namespace {

Cell target_cell(const v1::TargetCondition& target, WallTime now) {
  const bool failing = target.breaker() == "open" || (target.checked() && !target.up());
  std::string text = target.target();
  text += failing ? " failing" : target.checked() ? " up" : " unchecked";
  if (target.breaker() != "closed") text += ", breaker " + target.breaker();
  if (target.has_last_check()) {
    const std::string span = shown_span(now - from_proto(target.last_check()));
    text += ", checked " + (span == "now" ? span : span + " ago");
  }
  if (!target.stage().empty()) text += ", " + target.stage() + ": " + target.error();
  if (target.has_certificate_until()) {
    text += ", certificate until " + shown_time(true, target.certificate_until());
  }
  return {text, failing ? Colour::kRed : Colour::kNone};
}

Cell pool_cell(const v1::PoolCondition& pool) {
  return {fmt::format("{} of {} keys left", pool.left(), pool.keys()),
          pool.left() < pool.keys() ? Colour::kRed : Colour::kNone};
}

Cell peer_cell(const v1::PeerCondition& peer) {
  std::string text = peer.region().empty() ? "" : "in " + peer.region() + ", ";
  text += peer.reachable() ? "reachable" : "not reachable";
  if (peer.draining()) text += ", draining";
  if (peer.round_trip_ms() > 0) text += fmt::format(", {:.1f} ms", peer.round_trip_ms());
  if (!peer.error().empty()) text += ": " + peer.error();
  if (!peer.reachable()) return {text, Colour::kRed};
  return {text, peer.draining() ? Colour::kYellow : Colour::kNone};
}

}  // namespace

Rows health_rows(const v1::RelayStatus& relay, WallTime now) {
  Rows rows;
  if (relay.has_listener_certificate_until()) {
    rows.emplace_back("listeners until", shown_time(true, relay.listener_certificate_until()));
  }
  for (const auto& target : relay.targets()) {
    rows.emplace_back("target of " + target.upstream(), target_cell(target, now));
  }
  for (const auto& peer : relay.peers()) rows.emplace_back("peer " + peer.relay(), peer_cell(peer));
  for (const auto& pool : relay.pools()) rows.emplace_back("pool " + pool.pool(), pool_cell(pool));
  return rows;
}

}  // namespace culvert::cli
