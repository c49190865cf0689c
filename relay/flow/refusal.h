// Answers to what never became a request: bytes that cannot be read, heads that do not arrive.
#pragma once

#include "relay/base/error.h"
#include "relay/flow/client_side.h"
#include "relay/flow/services.h"

namespace culvert {

// Sends the error and writes the record that every answer has.
void answer_refusal(WorkerServices& services, ClientSide& client, const Error& error);

}  // namespace culvert
