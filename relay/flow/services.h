// What a worker gives to the requests that it carries. Owned by the worker; one thread, but where a
// member says that it is shared.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/random.h"
#include "relay/channel/loop.h"
#include "relay/flow/kept_streams.h"
#include "relay/flow/request_body.h"
#include "relay/flow/table.h"
#include "relay/gate/stranger_limits.h"
#include "relay/upstream/connector.h"
#include "relay/upstream/fetch_client.h"
#include "relay/upstream/health_board.h"
#include "relay/usage/access_log.h"
#include "relay/usage/accounts.h"
#include "relay/usage/metrics.h"

#include <atomic>
#include <memory>

namespace culvert {

// Of the process; shared by all workers.
struct ProcessState {
  std::atomic<bool> ready{false};
  std::atomic<bool> draining{false};
  std::atomic<bool> held{false};  // drained by the control service's command, until it is undone
  WallTime started{};
  StrangerLimits strangers;  // who may test keys without a token

  bool takes_traffic() const { return ready.load() && !draining.load() && !held.load(); }
};

class DetachedSessions;

struct WorkerServices {
  Loop& loop;
  const Clock& clock;
  Random& random;  // safe on any thread
  Connector& connector;
  FetchClient& fetch;
  Metrics& metrics;                    // shared
  AccessLogWriter access_log;          // of the shared log
  ReplayBudget& replay;                // shared
  ProcessState& process;               // shared
  HealthBoard& health;                 // shared
  KeptStreams& streams;                // shared
  Accounts* accounts;                  // shared; nullptr: usage is not recorded
  std::shared_ptr<const Table> table;  // the newest; a session keeps the one that it began with
  DetachedSessions* detached = nullptr;  // where sessions go on without their clients
};

}  // namespace culvert
