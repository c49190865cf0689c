// One Sync stream as a conversation, without the stream: what the relay says goes in, what is to be
// told to it comes out. Blocks for the store; used by one thread at a time.
#pragma once

#include "control/fleet/attendance.h"
#include "control/fleet/enrolment.h"
#include "control/fleet/key_tests.h"
#include "control/fleet/rollout.h"
#include "control/fleet/roster.h"
#include "control/fleet/targets.h"
#include "relay/base/clock.h"

#include <memory>
#include <optional>
#include <vector>

namespace culvert::control {

// How long silence may last; tests take shorter ones.
struct LinkTimes {
  Duration hello;        // to the first message
  Duration pulse;        // between two questions whether the relay lives
  Duration pulse_death;  // without an answer
  Duration ack;          // without an acknowledgement that is waited for
  Duration seen;         // between two notes of it in the store
};
LinkTimes default_link_times();

class Dialogue {
 public:
  struct Parts {
    Roster& roster;
    Attendance& attendance;
    Enrolment& enrolment;
    Targets& targets;
    KeyTests& key_tests;
    const Clock& clock;
    LinkTimes times;
  };
  Dialogue(Parts parts, Peer peer, uint64_t stream);
  Dialogue(const Dialogue&) = delete;
  Dialogue& operator=(const Dialogue&) = delete;
  ~Dialogue();

  // Both: an error ends the stream. What cannot be understood (a newer relay's) is passed over.
  Result<void> hear(const v1::SyncUp& message);
  // To be asked after hear(), after a change anywhere, and at due().
  Result<std::vector<v1::SyncDown>> speak();
  Instant due() const;

 private:
  Result<void> hear_hello(const v1::Hello& hello);
  Result<void> hear_key(const v1::KeyVerified& verified);
  Result<void> hear_ack(const v1::TypeAck& ack);
  Result<void> hear_request(const std::string& signing_request);
  void hear_state(const v1::RelayState& state);
  void hear_pulse(uint64_t number);
  Result<void> check_silence(Instant now) const;
  void welcome(const v1::StoredRelay& relay, std::vector<v1::SyncDown>* out);
  void command(const v1::StoredRelay& relay, std::vector<v1::SyncDown>* out);
  void update(const v1::StoredRelay& relay, Instant now, std::vector<v1::SyncDown>* out);
  void standing(uint64_t revision, std::vector<v1::SyncDown>* out);
  void pulse(Instant now, std::vector<v1::SyncDown>* out);
  void note_seen(const v1::StoredRelay& relay, Instant now);

  Parts parts_;
  Peer peer_;
  Speaker speaker_;
  std::optional<Rollout> rollout_;  // from the Hello on
  bool welcomed_ = false;
  bool told_drain_ = false;
  std::optional<uint64_t> told_revision_;
  std::string version_;
  std::string peer_address_;               // as it said last; empty also where that is none
  std::vector<std::string> certificates_;  // to be sent
  Instant began_{};
  Instant heard_pulse_{};
  Instant next_pulse_{};
  Instant next_note_{};
  Instant next_move_{};  // no earlier is another peer address noted
  Instant asked_{};      // when the last updates went out
  uint64_t pulses_ = 0;  // asked
  uint64_t answered_ = 0;
};

}  // namespace culvert::control
