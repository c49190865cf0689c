// The last collection of the path that holds models names the one that is called.
#include "relay/route/model.h"

#include "relay/base/text.h"
#include "relay/base/url.h"

#include <algorithm>

namespace culvert {
namespace {

constexpr std::string_view kModels = "/models/";
constexpr std::string_view kTuned = "/tunedModels/";

// Where a path names its model: collection and segment, from `begin` to the method's colon.
struct Named {
  size_t begin = 0;
  size_t name = 0;  // of the segment
  size_t end = 0;
  bool tuned = false;
};

size_t end_of_name(std::string_view path, size_t from) {
  const size_t end = std::min(path.find_first_of("/:", from), path.size());
  for (size_t at = path.find("%3", from); at < end; at = path.find("%3", at + 1)) {
    if (at + 2 < path.size() && lower(path[at + 2]) == 'a') return at;
  }
  return end;
}

std::optional<Named> find_name(std::string_view path) {
  Named named;
  if (const size_t tuned = path.find(kTuned); tuned != std::string_view::npos) {
    named = {tuned, tuned + kTuned.size(), 0, true};
  } else if (const size_t models = path.find(kModels); models != std::string_view::npos) {
    named = {models, models + kModels.size(), 0, false};
    // "/models/models/x:method": clients that put the full resource name behind the collection.
    const bool doubled = path.substr(named.name).starts_with(kModels.substr(1));
    if (doubled) named.name += kModels.size() - 1;
  } else {
    return std::nullopt;
  }
  named.end = end_of_name(path, named.name);
  if (named.end == named.name) return std::nullopt;
  return named;
}

void append_encoded(std::string_view text, std::string* out) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  static constexpr std::string_view kMarks = "-._~@";
  for (const char c : text) {
    const bool plain = (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
                       kMarks.find(c) != std::string_view::npos;
    if (plain) {
      *out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    *out += '%';
    *out += kHex[byte >> 4U];
    *out += kHex[byte & 15U];
  }
}

}  // namespace

std::string model_in_path(std::string_view path) {
  path = path.substr(0, path.find('?'));
  const auto named = find_name(path);
  if (!named) return {};
  const std::string name = percent_decode(path.substr(named->name, named->end - named->name));
  return named->tuned ? std::string(kTuned.substr(1)) + name : std::string(plain_model(name));
}

std::optional<std::string> with_model(std::string_view path, std::string_view model) {
  const auto named = find_name(path.substr(0, path.find('?')));
  if (!named) return std::nullopt;
  const bool tuned = model.starts_with(kTuned.substr(1));
  const std::string_view collection = tuned ? kTuned : kModels;
  const std::string_view name = tuned ? model.substr(kTuned.size() - 1) : plain_model(model);
  std::string out(path.substr(0, named->begin));
  out += collection;
  append_encoded(name, &out);
  out += path.substr(named->end);
  return out;
}

std::string_view plain_model(std::string_view model) {
  if (model.starts_with(kModels.substr(1))) model.remove_prefix(kModels.size() - 1);
  return model;
}

}  // namespace culvert
