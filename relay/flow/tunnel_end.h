// How a splice ended, in the words of the log and the metrics; the same for every kind of tunnel.
// Pure.
#pragma once

#include "relay/stream/splice.h"
#include "relay/usage/record.h"

#include <string>
#include <string_view>

namespace culvert {

std::string_view close_word(SpliceEnd::Cause cause);  // one word
Outcome outcome_of(SpliceEnd::Cause cause);
// A sentence, in which the side that is not the client is the `other`; "" where both sides said
// their end.
std::string words_of(const SpliceEnd& end, std::string_view other);

}  // namespace culvert
