// How one relay is, in lines of `relay show`: its certificates, what it reaches and through whom,
// and its keys, as its last report had them. Pure.
#pragma once

#include "control/cli/table.h"
#include "culvert/v1/admin.pb.h"
#include "relay/base/clock.h"

#include <string>
#include <utility>
#include <vector>

namespace culvert::cli {

// Name and value of each line.
using Rows = std::vector<std::pair<std::string, Cell>>;
Rows health_rows(const v1::RelayStatus& relay, WallTime now);

}  // namespace culvert::cli
