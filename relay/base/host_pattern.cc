// Host patterns: one name, or all names below one. Nothing richer, because a pattern opens doors.
#include "relay/base/address.h"
#include "relay/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace culvert {
namespace {

bool is_label(std::string_view label) {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), is_part);
}

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  for (;;) {
    const auto dot = name.find('.');
    if (!is_label(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

// Resolvers read names such as `127.1` and `0x7f.1` as addresses; only the plain form may pass.
bool looks_like_address(std::string_view name) {
  const auto dot = name.rfind('.');
  const auto last = dot == std::string_view::npos ? name : name.substr(dot + 1);
  return !last.empty() && last.front() >= '0' && last.front() <= '9' &&
         (last.find_first_not_of("0123456789") == std::string_view::npos ||
          last.substr(0, 2) == "0x");
}

}  // namespace

Result<HostPattern> HostPattern::parse(std::string_view text) {
  const std::string pattern = lower(text);
  std::string_view name = pattern;
  const bool wildcard = name.substr(0, 2) == "*.";
  if (wildcard) name.remove_prefix(2);
  const bool sound = is_name(name) &&
                     (!looks_like_address(name) || (!wildcard && Address::parse(name).has_value()));
  if (!sound) {
    return Error::ours(
        Code::kInvalidConfig, Stage::kNone,
        fmt::format("\"{}\" is not a host pattern; allowed are names such as api.example.com and "
                    "*.example.com",
                    text));
  }
  return HostPattern{pattern};
}

bool HostPattern::matches(std::string_view host) const {
  if (!host.empty() && host.back() == '.') host.remove_suffix(1);  // the root, spelled out
  if (text.substr(0, 2) != "*.") return equal_ignoring_case(host, text);
  const auto suffix = std::string_view(text).substr(1);
  return host.size() > suffix.size() && host.front() != '.' &&
         equal_ignoring_case(host.substr(host.size() - suffix.size()), suffix);
}

}  // namespace culvert
