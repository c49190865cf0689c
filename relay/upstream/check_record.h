// What active checks have found of one target. One for each target and process; any thread.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/error.h"
#include "relay/config/snapshot.h"
#include "relay/upstream/connector.h"

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

namespace culvert {

struct CheckFinding {
  WallTime at{};  // when it was found
  bool well = false;
  Strategy strategy = Strategy::kSocket;
  Legs legs;
  Duration first_byte{};       // from the connection to the answer's head; zero: nothing was asked
  int status = 0;              // of the answer; 0: none
  Stage stage = Stage::kNone;  // where it failed; kNone where it is well
  std::string error;           // why, for operators; "" where it is well
};

class CheckRecord {
 public:
  struct Report {
    std::optional<CheckFinding> last;    // nullopt: not checked yet
    int64_t certificate_expires_at = 0;  // Unix seconds, of the one seen last; 0: none was seen
    uint64_t well = 0;                   // checks, since the process began
    uint64_t ill = 0;
    uint32_t ill_in_row = 0;  // the last ones
  };
  void note(CheckFinding finding);
  Report report() const;

 private:
  mutable std::mutex mutex_;
  Report report_;
};

}  // namespace culvert
