// The life of a change: what operators apply, look up and roll back. Every change is a revision
// with who, when, why, and what stood before and after. Safe on any thread; blocking.
#pragma once

#include "control/config/live_configuration.h"
#include "culvert/v1/admin.pb.h"
#include "relay/base/clock.h"

#include <cstdint>
#include <mutex>
#include <string>

namespace culvert::control {

// Older ones are dropped, with the way back to them.
inline constexpr uint64_t kRevisionsKept = 10'000;

class Revisions {
 public:
  // All three outlive it.
  Revisions(Store& store,
            LiveConfiguration& live,
            const Clock& clock,
            uint64_t kept = kRevisionsKept);

  // All or nothing; durable when it returns, and live in this process. Findings are in the reply.
  // Errors: kConflict where the configuration is not at `expected_revision`.
  Result<v1::ApplyReply> apply(const v1::ApplyRequest& request, const std::string& by);
  // Errors: as apply; kNotFound for a revision that never was, kNotKept for one too old.
  Result<v1::ApplyReply> rollback(const v1::RollbackRequest& request, const std::string& by);
  // Secrets are masked. Errors: kNotFound, kNotKept, kBadRequest for an unknown kind.
  Result<v1::GetReply> get(const v1::GetRequest& request);
  Result<v1::HistoryReply> history(const v1::HistoryRequest& request);
  // Without before and after. Errors: kNotFound, kNotKept.
  Result<v1::Revision> revision(uint64_t number);

 private:
  struct Order;  // one change on its way
  Result<v1::ApplyReply> change(const Order& order);
  Result<bool> write(const Contents& contents, const Order& order, const struct ChangeSet& set);
  Result<std::vector<Write>> dropped(uint64_t number);
  Result<ResourceMap> at(const Contents& contents, uint64_t revision);
  Result<void> check_kept(uint64_t head, uint64_t revision) const;

  Store& store_;
  LiveConfiguration& live_;
  const Clock& clock_;
  const uint64_t kept_;
  std::mutex changing_;  // changes of this process queue; those of another are lost races
};

}  // namespace culvert::control
