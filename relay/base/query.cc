// One walk over the pairs between "?" and the end; everything else is a question to each pair.
#include "relay/base/query.h"

#include "relay/base/url.h"

#include <algorithm>

namespace culvert {
namespace {

struct Pair {
  std::string_view text;  // "name=value"
  std::string_view name;
  std::string_view value;
};

std::vector<Pair> pairs_of(std::string_view target) {
  std::vector<Pair> pairs;
  const size_t question = target.find('?');
  if (question == std::string_view::npos) return pairs;
  std::string_view query = target.substr(question + 1);
  while (true) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view text = query.substr(0, end);
    const size_t equals = std::min(text.find('='), text.size());
    pairs.push_back({text, text.substr(0, equals), text.substr(std::min(equals + 1, text.size()))});
    if (end == query.size()) return pairs;
    query.remove_prefix(end + 1);
  }
}

bool has_name(const Pair& pair, std::string_view name) {
  return pair.name == name ||
         (pair.name.find('%') != std::string_view::npos && percent_decode(pair.name) == name);
}

std::string joined(std::string_view target, const std::vector<std::string>& kept) {
  std::string out(target.substr(0, target.find('?')));
  char separator = '?';
  for (const std::string& text : kept) {
    out += separator;
    out += text;
    separator = '&';
  }
  return out;
}

}  // namespace

std::vector<std::string_view> query_values(std::string_view target, std::string_view name) {
  std::vector<std::string_view> values;
  for (const Pair& pair : pairs_of(target)) {
    if (has_name(pair, name)) values.push_back(pair.value);
  }
  return values;
}

std::string without_query_pairs(std::string_view target,
                                std::string_view name,
                                const std::function<bool(std::string_view value)>& unwanted) {
  bool removed = false;
  std::vector<std::string> kept;
  for (const Pair& pair : pairs_of(target)) {
    if (has_name(pair, name) && unwanted(pair.value)) {
      removed = true;
    } else {
      kept.emplace_back(pair.text);
    }
  }
  return removed ? joined(target, kept) : std::string(target);
}

std::string with_query_value(std::string_view target,
                             std::string_view name,
                             std::string_view value) {
  bool written = false;
  std::vector<std::string> kept;
  for (const Pair& pair : pairs_of(target)) {
    if (!has_name(pair, name)) {
      kept.emplace_back(pair.text);
    } else if (!written) {
      written = true;
      kept.push_back(std::string(pair.name) + '=' + percent_encode(value));
    }
  }
  return written ? joined(target, kept) : std::string(target);
}

std::string percent_encode(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  static constexpr std::string_view kUnreserved = "-._~";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       kUnreserved.find(c) != std::string_view::npos;
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 0xF];
  }
  return out;
}

}  // namespace culvert
