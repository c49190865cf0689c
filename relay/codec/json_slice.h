// A JSON value as the bytes in which it is written, so that what is not looked at can be passed on
// verbatim: numbers of any length, the order of members, blanks.
//
// Reads what is well-formed; of what is not it finds less, and never reads past the end. Who builds
// a new document out of slices asks is_json() first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace culvert {

struct JsonMember;

class JsonSlice {
 public:
  JsonSlice() = default;
  explicit JsonSlice(std::string_view text);  // has to outlive the slice

  std::string_view text() const { return text_; }  // without blanks around it
  bool is_object() const { return begins_with('{'); }
  bool is_array() const { return begins_with('['); }
  bool is_string() const { return begins_with('"'); }
  // One value to its end, as far as brackets and quotes tell.
  bool is_whole() const;
  bool is_true() const { return text_ == "true"; }

  // A member that is not null; of duplicates the first. nullopt too where this is no object.
  std::optional<JsonSlice> find(std::string_view name) const;
  // Several at once, each as by find(), in one walk: of the events of a stream thousands pass.
  struct Picked {
    bool whole = false;   // the object ends where the slice does; false proves nothing
    bool others = false;  // it has members besides that are not null
  };
  Picked pick(std::span<JsonMember> members) const;
  // In the order in which they stand, the names unescaped. Empty where this is no object.
  std::vector<std::pair<std::string, JsonSlice>> members() const;
  std::vector<JsonSlice> elements() const;  // empty where this is no array
  // One element after the other, without a list of them; *at: 0 at first, and not to be touched.
  std::optional<JsonSlice> next(size_t* at) const;

  std::optional<std::string> string() const;   // unescaped; half a surrogate pair becomes U+FFFD
  void append_string(std::string* out) const;  // nothing where this is none
  std::optional<uint64_t> count() const;       // a whole number from 0

 private:
  bool begins_with(char c) const { return !text_.empty() && text_.front() == c; }

  std::string_view text_;
};

struct JsonMember {
  std::string_view name = {};
  std::optional<JsonSlice> value = {};
  bool seen = false;  // also where it is null
};

std::optional<JsonSlice> find(std::optional<JsonSlice> of, std::string_view name);

bool is_json(std::string_view text);  // one whole document

// The text as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD.
std::string json_literal(std::string_view text);

// `document` with the bytes of `part`, a view into it, replaced.
std::string replaced(std::string_view document, std::string_view part, std::string_view with);

// An object whose member `name` is the JSON text `value`, whether it had one or not.
std::string with_member(std::string_view object, std::string_view name, std::string_view value);

// A member that is a string, unescaped; empty where there is none.
std::string text_member(std::optional<JsonSlice> of, std::string_view name);

}  // namespace culvert
