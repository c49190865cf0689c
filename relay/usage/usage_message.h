// A finished request in the words of usage.proto.
#pragma once

#include "culvert/v1/usage.pb.h"
#include "relay/usage/record.h"

namespace culvert {

// Overwrites *out, whose strings keep their memory.
void to_message(const RequestRecord& record, v1::UsageRecord* out);

}  // namespace culvert
