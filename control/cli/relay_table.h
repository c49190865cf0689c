// Relays in lines: for `relay list`, `relay show` and `top`. Pure.
#pragma once

#include "control/cli/table.h"
#include "culvert/v1/admin.pb.h"
#include "relay/base/clock.h"

#include <string>
#include <string_view>

namespace culvert::cli {

std::string relay_list_text(const v1::ListRelaysReply& reply, WallTime now, bool colours);
std::string relay_text(const v1::RelayStatus& relay, WallTime now, bool colours);

enum class TopOrder { kName, kRequests, kStreams, kErrors, kFirstToken, kTokens, kMemory, kCpu };

// One line for each relay and one of sums; `order` largest first, names from a to z. The service's
// rates cover its last reports.
std::string top_text(const v1::ListRelaysReply& reply, TopOrder order, bool colours);

// The word of --sort, and the key in the live view; kName where it is none.
TopOrder top_order(std::string_view word);
TopOrder top_order(char key, TopOrder otherwise);

// serving, draining, stopping, away
Cell state_cell(const v1::RelayStatus& relay);
// yes, no, refused
Cell step_cell(const v1::RelayStatus& relay);
std::string short_hash(std::string_view bytes);  // 8 hexadecimal digits, or `-`
std::string shown_bytes(uint64_t bytes);         // 512B, 1.5KiB, 12MiB

}  // namespace culvert::cli
