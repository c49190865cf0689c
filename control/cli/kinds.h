// Kinds of resources as people type them, and resources in a line or a document. Pure.
#pragma once

#include "culvert/v1/admin.pb.h"
#include "relay/base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace culvert::cli {

inline constexpr std::string_view kKindWords =
    "Upstream (up), KeyPool (kp), Route (rt), Tunnel (tn); plurals too";

// The kind as files write it, of a word in any case, plural or short. kBadRequest where it is none.
Result<std::string> kind_of(std::string_view word);
// The same, where `all` stands for every kind and gives "".
Result<std::string> kind_or_all(std::string_view word);
const std::vector<std::string_view>& kinds();

std::string kind_of(const v1::Resource& resource);

// What it does, short: for a column.
std::string summary_of(const v1::Resource& resource);

// The document that a file would hold, secrets masked.
std::string document_of(const v1::Resource& resource);

}  // namespace culvert::cli
