// What a peer's message did wrong, before it is known whose Error it becomes. Inside codec only.
#pragma once

#include "relay/base/error.h"

namespace culvert {

struct Offence {
  Code code = Code::kBadRequest;  // as a request's; every offence of an answer is kBadAnswer
  const char* detail = "";        // a sentence without its full stop, with the RFC's section
};

}  // namespace culvert
