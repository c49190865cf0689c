// simdjson without exceptions: a document that lives as long as one look into it. Inside codec
// only.
#pragma once

#ifndef SIMDJSON_EXCEPTIONS
#define SIMDJSON_EXCEPTIONS 0
#endif
#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace culvert {

class Document {
 public:
  explicit Document(std::string_view json) {
    if (json.empty()) return;  // simdjson copies from it, and its address may be null
    error_ = parser_.parse(json.data(), json.size()).get(root_);
  }

  // nullopt where the text is not JSON, nests deeper than 1,024 levels, or memory is short.
  std::optional<simdjson::dom::element> root() const {
    if (error_ != simdjson::SUCCESS) return std::nullopt;
    return root_;
  }

 private:
  simdjson::dom::parser parser_;
  simdjson::dom::element root_;
  simdjson::error_code error_ = simdjson::UNINITIALIZED;
};

// A member of an object; nullopt where it is none, has no such member, or the member is null.
inline std::optional<simdjson::dom::element> member(simdjson::dom::element of,
                                                    std::string_view name) {
  simdjson::dom::object object;
  simdjson::dom::element found;
  if (of.get(object) != simdjson::SUCCESS) return std::nullopt;
  if (object.at_key(name).get(found) != simdjson::SUCCESS || found.is_null()) return std::nullopt;
  return found;
}

inline std::optional<simdjson::dom::element> member(std::optional<simdjson::dom::element> of,
                                                    std::string_view name) {
  return of ? member(*of, name) : std::nullopt;
}

inline std::optional<std::string_view> text_of(std::optional<simdjson::dom::element> element) {
  std::string_view text;
  if (!element || element->get(text) != simdjson::SUCCESS) return std::nullopt;
  return text;
}

inline std::optional<uint64_t> count_of(std::optional<simdjson::dom::element> element) {
  uint64_t count = 0;
  if (!element || element->get(count) != simdjson::SUCCESS) return std::nullopt;
  return count;
}

// The elements of an array; none where it is no array.
inline std::vector<simdjson::dom::element> elements_of(
    std::optional<simdjson::dom::element> element) {
  simdjson::dom::array array;
  if (!element || element->get(array) != simdjson::SUCCESS) return {};
  return {array.begin(), array.end()};
}

}  // namespace culvert
