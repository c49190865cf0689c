// What a relay's messages may hold. A message beyond it ends its stream (kBadRequest): a relay of
// ours does not send it. Pure.
#pragma once

#include "culvert/v1/link.pb.h"
#include "relay/base/result.h"

namespace culvert::control {

Result<void> check(const v1::Hello& hello);
Result<void> check(const v1::TypeAck& ack);
Result<void> check(const v1::RelayState& state);
Result<void> check(const v1::KeyVerified& verified);
Result<void> check(const v1::MetricsReport& report);

// A record that cannot be counted by its id (not 32 hexadecimal digits) is left out and counted:
// returned is how many. Words that are too long are cut, for a client chooses some of them.
// Errors: kBadRequest where the batch holds too many records, or the instance is too long.
Result<uint64_t> trim(v1::LedgerBatch* batch);

}  // namespace culvert::control
