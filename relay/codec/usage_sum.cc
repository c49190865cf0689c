// See usage_sum.h.
#include "relay/codec/usage_sum.h"

#include "relay/codec/json_slice.h"

#include <functional>
#include <limits>

namespace culvert {
namespace {

constexpr int kDepth = 4;  // the deepest that a vendor writes is 2

using Join = std::function<std::string(JsonSlice, JsonSlice)>;

std::string joined(std::string_view a, std::string_view b, const Join& join) {
  const JsonSlice left(a);
  const JsonSlice right(b);
  if (!left.is_object()) return std::string(right.text());
  if (!right.is_object()) return std::string(left.text());
  std::string out = "{";
  const auto add = [&](const std::string& name, std::string_view value) {
    if (out.size() > 1) out += ',';
    out.append(json_literal(name)).append(":").append(value);
  };
  for (const auto& [name, value] : left.members()) {
    const auto other = right.find(name);
    add(name, other ? join(value, *other) : std::string(value.text()));
  }
  for (const auto& [name, value] : right.members()) {
    if (!left.find(name)) add(name, value.text());
  }
  return out + '}';
}

std::string sum_of(std::string_view a, std::string_view b, int depth);

std::string modality_of(JsonSlice element) {
  const auto modality = element.find("modality");
  return modality ? std::string(modality->text()) : "";
}

// Counts by modality; lists of anything else are the later one's.
std::string sum_of_lists(JsonSlice a, JsonSlice b, int depth) {
  std::string out = "[";
  const auto add = [&](std::string_view element) {
    if (out.size() > 1) out += ',';
    out += element;
  };
  const auto old = a.elements();
  std::vector<bool> used(old.size(), false);
  for (const JsonSlice& element : b.elements()) {
    const std::string modality = modality_of(element);
    if (modality.empty()) return std::string(b.text());
    std::string text(element.text());
    for (size_t i = 0; i < old.size(); ++i) {
      if (used[i] || modality_of(old[i]) != modality) continue;
      used[i] = true;
      text = sum_of(old[i].text(), text, depth);
    }
    add(text);
  }
  for (size_t i = 0; i < old.size(); ++i) {
    if (!used[i]) add(old[i].text());
  }
  return out + ']';
}

std::string sum_of(std::string_view a, std::string_view b, int depth) {
  if (depth == 0) return std::string(b);
  return joined(a, b, [depth](JsonSlice left, JsonSlice right) {
    const auto x = left.count();
    const auto y = right.count();
    if (x && y) {
      constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
      return std::to_string(*x > kMost - *y ? kMost : *x + *y);
    }
    if (left.is_object() && right.is_object()) return sum_of(left.text(), right.text(), depth - 1);
    if (left.is_array() && right.is_array()) return sum_of_lists(left, right, depth - 1);
    return std::string(right.text());
  });
}

}  // namespace

std::string usage_sum(std::string_view a, std::string_view b) { return sum_of(a, b, kDepth); }

std::string usage_overlaid(std::string_view a, std::string_view b) {
  return joined(a, b, [](JsonSlice, JsonSlice right) { return std::string(right.text()); });
}

}  // namespace culvert
