// A token is used up in the transaction that writes the relay: of two relays that race with one,
// the second finds the condition broken. Signing comes before, so that a bad request costs no
// token.
#include "control/fleet/enrolment.h"

#include "control/fleet/limits.h"
#include "control/fleet/times.h"
#include "relay/base/address.h"
#include "relay/base/log.h"
#include "relay/base/text.h"
#include "relay/crypto/random_bytes.h"

#include <algorithm>

namespace culvert::control {
namespace {

constexpr int kTries = 4;

Error refused(std::string why) {
  return Error::client(Code::kForbidden, Stage::kNone, std::move(why));
}

std::string random_suffix() {
  std::string text;
  for (const char byte : random_bytes(6)) {
    text += "abcdefghijklmnopqrstuvwxyz234567"[static_cast<unsigned char>(byte) % 32];
  }
  return text;
}

// Whoever has an IPv6 network has all addresses of it.
std::string tried_from(const std::string& address) {
  const auto parsed = Address::parse(address);
  return parsed && !parsed->is_v4() ? parsed->truncated(64).text() : address;
}

Result<void> check(const v1::EnrollRequest& request) {
  const auto bad = [](const char* why) {
    return Error::client(Code::kBadRequest, Stage::kNone, why);
  };
  if (request.token().size() > limits::kTokenTextBytes) return bad("the join token is too long");
  if (request.signing_request().size() > limits::kSigningRequestBytes) {
    return bad("the signing request is too long");
  }
  if (request.version().size() > limits::kVersionBytes) return bad("the version is too long");
  if (!request.name().empty() && !is_name(request.name())) {
    return bad("the name cannot be a relay's: 1 to 63 lower-case letters, digits and '-'");
  }
  return {};
}

}  // namespace

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= limits::kNameBytes && text.front() != '-' &&
         text.back() != '-' &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

Enrolment::Enrolment(Parts parts,
                     const Authority& authority,
                     const std::vector<std::string>& own_hosts)
    : parts_(parts),
      authority_(authority),
      throttle_(parts.clock,
                {limits::kJoinsBurst, limits::kJoinsPerSecond, limits::kJoinAddresses}) {
  for (const std::string& host : own_hosts) own_hosts_.insert(lower(host));
}

Result<v1::EnrollReply> Enrolment::enroll(const v1::EnrollRequest& request,
                                          const std::string& address) {
  // Not in the audit log: who tries without end must not fill the store.
  if (!throttle_.take(tried_from(address))) {
    return Error::client(Code::kRateLimited, Stage::kNone,
                         "too many attempts to join from this address; try again in a minute");
  }
  auto reply = admit(request, address);
  if (reply) {
    note(reply->name(), address, {});
  } else {
    const bool named = is_name(request.name());
    note(named ? request.name() : std::string("(unnamed)"), address, reply.error().detail);
  }
  return reply;
}

Result<v1::EnrollReply> Enrolment::admit(const v1::EnrollRequest& request,
                                         const std::string& address) {
  CULVERT_CHECK(check(request));
  const auto token = parse_join_token(request.token());
  if (!token) return refused("that is no join token; `culvert relay join-token` makes one");
  for (int i = 0; i < kTries; ++i) {
    const auto found = CULVERT_TRY(parts_.tokens.find(token->secret));
    const std::string name = CULVERT_TRY(choose_name(request, found.token));
    CULVERT_CHECK(check_name(name));
    auto reply = CULVERT_TRY(join(request, found, name, address));
    if (reply) return std::move(*reply);
  }
  return Error::ours(Code::kSystem, Stage::kNone, "the store did not take the relay; try again");
}

Result<std::string> Enrolment::choose_name(const v1::EnrollRequest& request,
                                           const v1::StoredJoinToken& token) const {
  if (!token.name().empty()) {
    if (request.name().empty() || request.name() == token.name()) return token.name();
    return refused("the join token is for the name " + token.name());
  }
  if (!request.name().empty()) return request.name();
  const std::string region = token.region().substr(0, limits::kNameBytes - 8);
  return (region.empty() ? "relay" : region) + "-" + random_suffix();
}

Result<void> Enrolment::check_name(const std::string& name) const {
  if (own_hosts_.count(name) == 0) return {};
  return refused("the control service itself is called " + name + "; choose another name");
}

Result<std::optional<v1::EnrollReply>> Enrolment::join(const v1::EnrollRequest& request,
                                                       const JoinTokens::Found& token,
                                                       const std::string& name,
                                                       const std::string& address) {
  const auto before = CULVERT_TRY(parts_.roster.entry(name));
  if (before && CULVERT_TRY(still_good(*before))) {
    return refused("there is a relay " + name +
                   " already; remove it first, or choose another name");
  }
  if (!before && parts_.roster.all().size() >= limits::kRelays) {
    return Error::client(Code::kRateLimited, Stage::kNone,
                         "the fleet has as many relays as it can");
  }
  v1::StoredRelay relay;
  relay.set_region(token.token.region());
  *relay.mutable_labels() = token.token.labels();
  *relay.mutable_joined() = *relay.mutable_last_seen() = stamp(parts_.clock.wall());
  relay.set_version(request.version());
  relay.set_address(address);
  v1::EnrollReply reply;
  reply.set_certificate(
      CULVERT_TRY(sign(request.signing_request(), name, relay.add_certificates())));
  const std::string key = Roster::key(name);
  const Commit commit = CULVERT_TRY(
      parts_.store.commit({{token.key, token.revision}, {key, before ? before->revision : 0}},
                          {{token.key, std::nullopt}, {key, relay.SerializeAsString()}}));
  if (!commit.done) return std::optional<v1::EnrollReply>();
  parts_.roster.written(name, relay, commit.revision);
  reply.set_name(name);
  reply.set_authority(authority_.certificate);
  reply.set_region(relay.region());
  *reply.mutable_labels() = relay.labels();
  return std::optional(std::move(reply));
}

// A relay that was away for longer than its certificates last can only come back by joining again.
Result<bool> Enrolment::still_good(const Entry& entry) const {
  v1::StoredRelay relay;
  if (!relay.ParseFromString(entry.value)) {
    return Error::ours(Code::kInternal, Stage::kNone, "the store's " + entry.key + " is broken");
  }
  return std::any_of(
      relay.certificates().begin(), relay.certificates().end(),
      [&](const auto& certificate) { return time_of(certificate.until()) > parts_.clock.wall(); });
}

Result<std::string> Enrolment::renew(const Peer& peer, const std::string& signing_request) {
  if (signing_request.size() > limits::kSigningRequestBytes) {
    return Error::client(Code::kBadRequest, Stage::kNone, "the signing request is too long");
  }
  v1::StoredCertificate made;
  auto certificate = CULVERT_TRY(sign(signing_request, peer.name, &made));
  const WallTime now = parts_.clock.wall();
  bool accepted = false;
  CULVERT_TRY(parts_.roster.change(peer.name, [&](v1::StoredRelay* relay) {
    auto& all = *relay->mutable_certificates();
    accepted = std::any_of(all.begin(), all.end(),
                           [&](const auto& one) { return one.serial() == peer.serial; });
    if (!accepted) return;
    // The presented one stays, however old: the connection that it opened lives on.
    const auto drop = [&](const auto& which) {
      all.erase(std::remove_if(all.begin(), all.end(), which), all.end());
    };
    drop([&](const auto& one) {
      return one.serial() != peer.serial && time_of(one.until()) <= now;
    });
    while (static_cast<size_t>(all.size()) >= limits::kCertificates) {
      const std::string oldest = all[all[0].serial() == peer.serial ? 1 : 0].serial();
      drop([&](const auto& one) { return one.serial() == oldest; });
    }
    *relay->add_certificates() = made;
  }));
  if (!accepted) {
    return Error::client(Code::kUnauthorized, Stage::kNone, "the relay does not belong here");
  }
  log::info("certificate renewed", {{"relay", peer.name}, {"serial", made.serial()}});
  return certificate;
}

Result<std::string> Enrolment::sign(const std::string& request,
                                    const std::string& name,
                                    v1::StoredCertificate* record) const {
  const WallTime now = parts_.clock.wall();
  CertificateTerms terms{.name = name,
                         .hosts = {},
                         .from = now - limits::kClockSkew,
                         .until = now + limits::kCertificateLife};
  // By its name other relays know it. One that has such a name from earlier stays, as a client.
  if (check_name(name)) {
    terms.hosts = {name};
    terms.server = true;
  }
  auto certificate = CULVERT_TRY(sign_request(authority_, request, terms));
  const CertificateInfo info = CULVERT_TRY(read_certificate(certificate));
  record->set_serial(info.serial);
  *record->mutable_until() = stamp(info.until);
  return certificate;
}

void Enrolment::note(const std::string& name,
                     const std::string& address,
                     const std::string& refusal) {
  v1::AuditEntry entry;
  entry.set_by("relay " + name);
  entry.set_action("relay.join");
  entry.set_subject(name);
  entry.set_detail(refusal);
  entry.set_address(address);
  entry.set_refused(!refusal.empty());
  // The log tells its own failures; a relay that has joined stays joined.
  (void)parts_.audit.append(std::move(entry));
}

}  // namespace culvert::control
