// The audit log in the store: numbered entries, the newest so many kept. Safe on any thread.
#pragma once

#include "control/config/audit_log.h"
#include "control/store/store.h"
#include "relay/base/clock.h"

#include <cstdint>
#include <mutex>
#include <vector>

namespace culvert::control {

inline constexpr uint64_t kAuditKept = 100'000;

class StoredAuditLog final : public AuditLog {
 public:
  // Both outlive it.
  StoredAuditLog(Store& store, const Clock& clock, uint64_t kept = kAuditKept)
      : store_(store), clock_(clock), kept_(kept) {}

  Result<void> append(v1::AuditEntry entry) override;

  // Oldest first, numbered from 1; `next` is where reading goes on.
  struct Part {
    std::vector<v1::AuditEntry> entries;
    uint64_t next = 1;
  };
  Result<Part> newest(uint64_t limit);
  Result<Part> from(uint64_t number, uint64_t limit);
  // Until there may be something to read at `number`, or `most` passed, or the store was closed.
  Result<void> wait(uint64_t number, Duration most);

 private:
  Result<bool> try_append(const v1::AuditEntry& entry);
  Result<uint64_t> end();

  Store& store_;
  const Clock& clock_;
  const uint64_t kept_;
  std::mutex mutex_;
};

}  // namespace culvert::control
