// A change is committed first and told to the relay's streams then: a relay that connects between
// the two reads it from the roster.
#include "control/fleet/registry.h"

#include "control/fleet/enrolment.h"
#include "control/fleet/limits.h"
#include "control/fleet/times.h"
#include "relay/base/log.h"

#include <algorithm>

namespace culvert::control {
namespace {

Error invalid(std::string detail) {
  return Error::client(Code::kInvalidConfig, Stage::kNone, std::move(detail));
}

bool is_label(std::string_view text) {
  return text.size() <= limits::kLabelBytes &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") ==
             std::string_view::npos;
}

Result<void> check(const v1::CreateJoinTokenRequest& request) {
  if (!request.region().empty() && !is_name(request.region())) {
    return invalid("region: 1 to 63 lower-case letters, digits and '-' are allowed");
  }
  if (!request.name().empty() && !is_name(request.name())) {
    return invalid("name: 1 to 63 lower-case letters, digits and '-' are allowed");
  }
  if (static_cast<size_t>(request.labels_size()) > limits::kLabels) {
    return invalid("labels: at most " + std::to_string(limits::kLabels) + " are allowed");
  }
  for (const auto& [key, value] : request.labels()) {
    if (key.empty() || !is_label(key) || !is_label(value)) {
      return invalid("labels: up to 63 letters, digits and '-_./' are allowed in each of both");
    }
  }
  return {};
}

Result<Duration> ttl_of(const v1::CreateJoinTokenRequest& request) {
  if (!request.has_ttl()) return Duration(limits::kJoinTtl);
  const std::chrono::seconds ttl(request.ttl().seconds());
  if (ttl < limits::kJoinTtlLeast || ttl > limits::kJoinTtlMost) {
    return invalid("ttl: 1m to 30 days (720h) are allowed");
  }
  return Duration(ttl);
}

}  // namespace

Place place_of(const v1::StoredRelay& relay) {
  return {relay.region(), {relay.labels().begin(), relay.labels().end()}};
}

Result<std::vector<v1::RelayStatus>> Registry::relays(const std::string& name) {
  std::vector<v1::RelayStatus> all;
  for (const auto& [known, relay] : parts_.roster.all()) {
    if (name.empty() || name == known) all.push_back(status(known, *relay));
  }
  if (all.empty() && !name.empty()) {
    return Error::client(Code::kNotFound, Stage::kNone, "there is no relay " + name);
  }
  if (!name.empty()) parts_.attendance.describe_health(name, &all.front());
  return all;
}

Result<v1::RelayStatus> Registry::drain(const std::string& name, bool drain) {
  const auto relay = CULVERT_TRY(
      parts_.roster.change(name, [drain](v1::StoredRelay* stored) { stored->set_drain(drain); }));
  log::info(drain ? "relay is to drain" : "relay is to serve", {{"relay", name}});
  parts_.switchboard.wake_all();  // the others are to know it as well
  return status(name, *relay);
}

Result<void> Registry::remove(const std::string& name) {
  CULVERT_CHECK(parts_.roster.remove(name));
  log::info("relay removed", {{"relay", name}});
  parts_.switchboard.end(name,
                         Error::client(Code::kUnauthorized, Stage::kNone, "the relay was removed"));
  parts_.attendance.forget(name);
  parts_.switchboard.wake_all();
  return {};
}

Result<v1::CreateJoinTokenReply> Registry::create_join_token(
    const v1::CreateJoinTokenRequest& request, const std::string& by) {
  CULVERT_CHECK(check(request));
  const Duration ttl = CULVERT_TRY(ttl_of(request));
  v1::StoredJoinToken stored;
  stored.set_region(request.region());
  *stored.mutable_labels() = request.labels();
  stored.set_name(request.name());
  stored.set_created_by(by);
  *stored.mutable_expires() =
      stamp(parts_.clock.wall() + std::chrono::duration_cast<WallTime::duration>(ttl));
  const JoinToken token = make_join_token(fingerprint_);
  CULVERT_CHECK(parts_.tokens.add(token.secret, stored));
  v1::CreateJoinTokenReply reply;
  reply.set_token(token.text());
  *reply.mutable_expires() = stored.expires();
  return reply;
}

std::vector<std::pair<std::string, v1::KeyCondition>> Registry::key_conditions() {
  return parts_.attendance.key_conditions();
}

v1::RelayStatus Registry::status(const std::string& name, const v1::StoredRelay& relay) {
  v1::RelayStatus status;
  status.set_name(name);
  status.set_region(relay.region());
  *status.mutable_labels() = relay.labels();
  status.set_version(relay.version());
  status.set_address(relay.address());
  status.set_peer_address(relay.peer_address());
  status.set_drain(relay.drain());
  *status.mutable_joined() = relay.joined();
  *status.mutable_last_seen() = relay.last_seen();
  if (!relay.certificates().empty()) {
    *status.mutable_certificate_until() = relay.certificates().rbegin()->until();
  }
  parts_.attendance.describe(name, &status);
  if (status.connected()) *status.mutable_last_seen() = stamp(parts_.clock.wall());
  status.set_desired_hash(to_bytes(desired(name, *parts_.targets.of(place_of(relay)))));
  return status;
}

// Peers are no configuration: an older relay that does not know them lacks nothing.
ContentHash Registry::desired(const std::string& name, const Target& target) const {
  if (parts_.attendance.understands(name, kPeerType)) return target.hash;
  auto hashes = target.hashes;
  hashes[kPeerType] = SetHash().finish();
  return whole_hash(hashes);
}

}  // namespace culvert::control
