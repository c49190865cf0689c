// What a request cost, from what passed: the vendor's own word where there is one, an estimate
// where the vendor said nothing or was not heard out. Pure.
#pragma once

#include "relay/codec/json.h"
#include "relay/usage/record.h"

#include <cstdint>

namespace culvert {

// An answer at some moment; all of it may still grow.
struct Passed {
  Usage told;                    // by the vendor
  uint64_t answer_quarters = 0;  // of text that is not in `told` (codec/json_scan.h)
  uint64_t asked_quarters = 0;   // of the request's text
  bool readable = false;         // false: compressed or opaque; no tokens can be known
};

// Fills the tokens and the usage class of a record whose status and outcome stand. `estimate`: what
// the vendor did not tell is estimated, and the class says so. Input is estimated only where the
// model surely read it: text was written, or embeddings were asked for. A client that left before
// the answer began is `aborted` without tokens: nobody knows what the vendor had done by then.
void measure(const Passed& passed, bool estimate, RequestRecord* record);

}  // namespace culvert
