// Every change and who made it, appended to the store. Safe on any thread.
#pragma once

#include "culvert/v1/admin.pb.h"
#include "relay/base/result.h"

#include <string>

namespace culvert::control {

class AuditLog {
 public:
  virtual ~AuditLog() = default;
  // Stamped with the time. A failure is logged, and returned to whom it should stop.
  virtual Result<void> append(v1::AuditEntry entry) = 0;
};

}  // namespace culvert::control
