// What the control service is told of a relay's health, in its report of metrics. Any thread.
#pragma once

#include "relay/base/clock.h"
#include "relay/config/attachment.h"
#include "relay/flow/table.h"

namespace culvert {

void to_proto(WallTime time, google::protobuf::Timestamp* out);

// Targets, pools and the certificate of the listeners; at most so many, those that fail first. With
// their words, that is some 100 KiB.
inline constexpr size_t kReportTargets = 1000;
inline constexpr size_t kReportPools = 1000;
void fill_health(const Table& table, v1::MetricsReport* report);

}  // namespace culvert
