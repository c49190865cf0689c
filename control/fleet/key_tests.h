// Keys that relays test at operators' wish: what is to be told to which relay's stream, and each
// answer to who asked. A key that was asked for is answered once, whatever becomes of the relay.
// Owned by main. Safe on any thread.
#pragma once

#include "control/fleet/attendance.h"
#include "control/fleet/switchboard.h"
#include "culvert/v1/link.pb.h"
#include "relay/base/clock.h"
#include "relay/base/random.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace culvert::control {

class KeyTests {
 public:
  // All outlive it.
  KeyTests(Switchboard& switchboard, const Clock& clock, Random& random)
      : switchboard_(switchboard), clock_(clock), random_(random) {}

  // --- Of a relay's stream. What a stream was asked ends with it.
  void arrived(const Speaker& speaker, const v1::Hello& hello);
  void left(const Speaker& speaker);
  std::vector<v1::Command> commands(const Speaker& speaker);  // to be told now
  // What nobody waits for is passed over.
  void heard(const Speaker& speaker, const v1::KeyVerified& verified);

  // --- Of an operator
  // Relays that are there and know the command.
  std::set<std::string> able() const;

  // What one relay is asked; its `request` is chosen here.
  struct Errand {
    std::string relay;
    v1::VerifyKeys what;
  };
  struct Answer {
    std::string relay;
    v1::KeyVerified verified;
  };
  // One operator's wish; ends with its object, on the relays too. One thread.
  class Inquiry {
   public:
    Inquiry(KeyTests& tests, std::vector<Errand> errands);
    Inquiry(const Inquiry&) = delete;
    Inquiry& operator=(const Inquiry&) = delete;
    ~Inquiry();

    // In the order of their coming; waits so long. nullopt: none came, or all are there.
    std::optional<Answer> next(Duration most);
    bool over() const;

   private:
    friend class KeyTests;
    KeyTests& tests_;
    std::set<uint64_t> requests_;  // that are not answered whole
    std::deque<Answer> answers_;
  };

 private:
  using Name = std::pair<std::string, std::string>;  // pool and id
  struct Presence {
    uint64_t stream = 0;
    bool able = false;
    std::deque<v1::Command> commands;
  };
  struct Task {
    Inquiry* inquiry = nullptr;
    std::string relay;
    std::set<Name> left;
    Instant heard{};
  };
  // All under the mutex.
  void begin(Inquiry* inquiry, Errand errand);
  void fail(uint64_t request, const std::string& why);
  void fail_all_of(const std::string& relay, const std::string& why);
  void give_up_silent(const Inquiry& inquiry);
  void cancel(uint64_t request);

  Switchboard& switchboard_;
  const Clock& clock_;
  Random& random_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Presence> present_;
  std::map<uint64_t, Task> tasks_;  // by request
};

}  // namespace culvert::control
