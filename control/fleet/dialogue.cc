// The order of what is told: Welcome, drain, certificates, updates, tests of keys, pulses. What the
// relay says of itself is noted before, for the updates tell it to all relays.
#include "control/fleet/dialogue.h"

#include "control/fleet/bounds.h"
#include "control/fleet/limits.h"
#include "control/fleet/registry.h"
#include "control/fleet/times.h"
#include "relay/base/log.h"
#include "relay/base/url.h"
#include "relay/base/version.h"

#include <algorithm>

namespace culvert::control {
namespace {

Error bad(const char* why) { return Error::client(Code::kBadRequest, Stage::kNone, why); }
Error silent(const char* why) { return Error::client(Code::kIdleTimeout, Stage::kNone, why); }

// The other relays get no address that they could not use: it would be refused by each of them.
std::string usable_address(const std::string& relay, const std::string& address) {
  if (address.empty()) return {};
  const auto parsed = parse_authority(address);
  if (parsed && parsed->port != 0) return address;
  log::warn("relay's peer address is not HOST:PORT, and is told to no other",
            {{"relay", relay}, {"address", address}});
  return {};
}

}  // namespace

LinkTimes default_link_times() {
  return {.hello = limits::kHelloWithin,
          .pulse = limits::kPulseEvery,
          .pulse_death = limits::kPulseDeath,
          .ack = limits::kAckWithin,
          .seen = limits::kSeenEvery};
}

Dialogue::Dialogue(Parts parts, Peer peer, uint64_t stream)
    : parts_(parts), peer_(std::move(peer)), speaker_{peer_.name, stream} {
  began_ = heard_pulse_ = parts_.clock.now();
  next_pulse_ = began_ + parts_.times.pulse;
  next_note_ = began_;
}

Dialogue::~Dialogue() {
  parts_.attendance.left(speaker_);
  parts_.key_tests.left(speaker_);
}

Result<void> Dialogue::hear(const v1::SyncUp& message) {
  if (!rollout_ && message.kind_case() != v1::SyncUp::kHello) {
    return bad("the first message has to be a Hello");
  }
  switch (message.kind_case()) {
    case v1::SyncUp::kHello:
      return hear_hello(message.hello());
    case v1::SyncUp::kAck:
      return hear_ack(message.ack());
    case v1::SyncUp::kSigningRequest:
      return hear_request(message.signing_request());
    case v1::SyncUp::kState:
      CULVERT_CHECK(check(message.state()));
      hear_state(message.state());
      return {};
    case v1::SyncUp::kPulse:
      hear_pulse(message.pulse().number());
      return {};
    case v1::SyncUp::kKeyVerified:
      return hear_key(message.key_verified());
    case v1::SyncUp::KIND_NOT_SET:
      return {};  // of a newer relay
  }
  return {};
}

Result<void> Dialogue::hear_hello(const v1::Hello& hello) {
  if (rollout_) return bad("a second Hello on one stream");
  CULVERT_CHECK(check(hello));
  rollout_.emplace(hello);
  version_ = hello.version();
  parts_.attendance.arrived(speaker_, hello);
  parts_.key_tests.arrived(speaker_, hello);
  peer_address_ = usable_address(peer_.name, hello.state().peer_address());
  return {};
}

Result<void> Dialogue::hear_key(const v1::KeyVerified& verified) {
  CULVERT_CHECK(check(verified));
  parts_.key_tests.heard(speaker_, verified);
  return {};
}

Result<void> Dialogue::hear_ack(const v1::TypeAck& ack) {
  CULVERT_CHECK(check(ack));
  // What nobody waits for is of an update that more than one message had, or of another stream.
  if (!ack.nonce().empty() && !rollout_->acknowledge(ack)) return {};
  parts_.attendance.acknowledged(speaker_, ack);
  for (const v1::ItemError& error : ack.errors()) {
    log::warn("relay refused an item", {{"relay", peer_.name},
                                        {"type", ack.type()},
                                        {"item", error.name()},
                                        {"why", error.message()}});
  }
  return {};
}

Result<void> Dialogue::hear_request(const std::string& signing_request) {
  certificates_.push_back(CULVERT_TRY(parts_.enrolment.renew(peer_, signing_request)));
  return {};
}

void Dialogue::hear_state(const v1::RelayState& state) {
  parts_.attendance.in_state(speaker_, state);
  std::string address = usable_address(peer_.name, state.peer_address());
  if (address == peer_address_) return;
  peer_address_ = std::move(address);
  next_note_ = std::min(next_note_, std::max(parts_.clock.now(), next_move_));
}

// Each question counts once, so that a relay cannot live on an old answer.
void Dialogue::hear_pulse(uint64_t number) {
  if (number <= answered_ || number > pulses_) return;
  answered_ = number;
  heard_pulse_ = parts_.clock.now();
}

Result<std::vector<v1::SyncDown>> Dialogue::speak() {
  const Instant now = parts_.clock.now();
  const Roster::Relay relay = parts_.roster.find(peer_.name);
  if (relay == nullptr || !parts_.roster.accepts(peer_.name, peer_.serial)) {
    return Error::client(Code::kUnauthorized, Stage::kNone, "the relay does not belong here");
  }
  CULVERT_CHECK(check_silence(now));
  std::vector<v1::SyncDown> out;
  if (!rollout_) return out;
  note_seen(*relay, now);
  welcome(*relay, &out);
  command(*relay, &out);
  for (std::string& certificate : certificates_) out.emplace_back().set_certificate(certificate);
  certificates_.clear();
  update(*relay, now, &out);
  // After the pools that it may be about.
  for (v1::Command& command : parts_.key_tests.commands(speaker_)) {
    *out.emplace_back().mutable_command() = std::move(command);
  }
  pulse(now, &out);
  return out;
}

Instant Dialogue::due() const {
  if (!rollout_) return began_ + parts_.times.hello;
  Instant soonest = std::min({next_pulse_, next_note_, heard_pulse_ + parts_.times.pulse_death});
  if (rollout_->waiting()) soonest = std::min(soonest, asked_ + parts_.times.ack);
  return soonest;
}

Result<void> Dialogue::check_silence(Instant now) const {
  if (!rollout_) {
    if (now - began_ >= parts_.times.hello) return silent("no Hello came");
    return {};
  }
  if (now - heard_pulse_ >= parts_.times.pulse_death) return silent("pulses were not answered");
  if (rollout_->waiting() && now - asked_ >= parts_.times.ack) {
    return silent("an update was not acknowledged");
  }
  return {};
}

void Dialogue::welcome(const v1::StoredRelay& relay, std::vector<v1::SyncDown>* out) {
  if (welcomed_) return;
  v1::Welcome& words = *out->emplace_back().mutable_welcome();
  words.set_relay(peer_.name);
  words.set_service(std::string(kVersion));
  words.set_region(relay.region());
  *words.mutable_labels() = relay.labels();
  *words.mutable_time() = stamp(parts_.clock.wall());
  words.set_drain(relay.drain());
  told_drain_ = relay.drain();
  welcomed_ = true;
}

void Dialogue::command(const v1::StoredRelay& relay, std::vector<v1::SyncDown>* out) {
  if (told_drain_ == relay.drain()) return;
  out->emplace_back().mutable_command()->set_drain(relay.drain());
  told_drain_ = relay.drain();
}

void Dialogue::update(const v1::StoredRelay& relay, Instant now, std::vector<v1::SyncDown>* out) {
  const auto target = parts_.targets.of(place_of(relay));
  rollout_->aim(target);
  for (v1::TypeUpdate& update : rollout_->next()) {
    *out->emplace_back().mutable_update() = std::move(update);
    asked_ = now;
  }
  if (!rollout_->settled()) return;
  parts_.attendance.settled(speaker_, target->revision);
  standing(target->revision, out);
}

// A revision that is not for this relay has no updates, so that this alone tells it.
void Dialogue::standing(uint64_t revision, std::vector<v1::SyncDown>* out) {
  if (told_revision_ == revision) return;
  out->emplace_back().mutable_standing()->set_revision(revision);
  told_revision_ = revision;
}

void Dialogue::pulse(Instant now, std::vector<v1::SyncDown>* out) {
  if (now < next_pulse_) return;
  out->emplace_back().mutable_pulse()->set_number(++pulses_);
  next_pulse_ = now + parts_.times.pulse;
}

void Dialogue::note_seen(const v1::StoredRelay& relay, Instant now) {
  if (now < next_note_) return;
  next_note_ = now + parts_.times.seen;
  next_move_ = now + limits::kMovesEvery;
  const auto noted = parts_.clock.wall() - time_of(relay.last_seen());
  const bool same = relay.version() == version_ && relay.address() == peer_.address &&
                    relay.peer_address() == peer_address_;
  if (same && noted >= noted.zero() && noted < parts_.times.seen) return;
  const auto written = parts_.roster.change(peer_.name, [this](v1::StoredRelay* stored) {
    *stored->mutable_last_seen() = stamp(parts_.clock.wall());
    stored->set_version(version_);
    stored->set_address(peer_.address);
    stored->set_peer_address(peer_address_);
  });
  // The relay is served all the same: only the note is missing.
  if (!written) log::warn("relay's sign of life not stored", {{"error", written.error().detail}});
}

}  // namespace culvert::control
