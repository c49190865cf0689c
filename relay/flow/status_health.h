// The part of the status page about health: one word for each target to everybody, and to who has a
// token of the relay's own configuration what checks found, and what is left of the key pools.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/json_writer.h"
#include "relay/flow/health_facts.h"

#include <string>
#include <string_view>
#include <vector>

namespace culvert {

std::string escape_html(std::string_view text);

// A cell's content: a word for each target.
std::string health_words(const UpstreamFacts& upstream);
// Tables of the targets' checks and of the pools; "" where there is nothing to tell.
std::string health_html(const std::vector<UpstreamFacts>& upstreams, WallTime now);

// The fields `health` and, with details, `pools` of an upstream's object.
void write_health(JsonWriter& json, const UpstreamFacts& upstream, bool details);

}  // namespace culvert
