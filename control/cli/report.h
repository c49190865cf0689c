// What a change did, told to the operator: by apply, delete, rollback and the key verbs alike.
#pragma once

#include "control/cli/program.h"
#include "culvert/v1/admin.pb.h"
#include "proto/resources.h"
#include "relay/base/result.h"

namespace culvert::cli {

struct Reporting {
  bool dry_run = false;
  bool wait = true;                // for relays to run it, up to ten seconds
  const Places* places = nullptr;  // of the files that the change was read from
};

// Prints changes and the revision, and what relays make of it. The exit status: 1 where there are
// findings, or where a relay refuses.
Result<int> report(Program* program, const v1::ApplyReply& reply, const Reporting& how);

// What stands at the end of the help of verbs that report.
extern const char* const kReportDetails;

}  // namespace culvert::cli
