// Places in one text. Heads are bounded far below what 32 bits can count (base/limits.h).
#include "relay/codec/headers.h"

#include "relay/base/kept_text.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

namespace culvert {
namespace {

constexpr size_t kKeptFields = 32;  // all that are kept have room for so many
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kKeptMost = 0;  // so that a use after the end is seen
#else
constexpr size_t kKeptMost = 16;
#endif

}  // namespace

struct Headers::Kept {
  static Kept& of_thread() {
    thread_local Kept kept;
    return kept;
  }
  ~Kept() { count = kKeptMost + 1; }  // what ends later on this thread is not kept
  std::array<Fields, 16> fields;
  size_t count = 0;
};

Headers& Headers::operator=(Headers&& other) noexcept {
  fields_.swap(other.fields_);
  text_.swap(other.text_);
  other.clear();
  return *this;
}

void Headers::keep_memory() {
  keep_text(std::move(text_));
  Kept& kept = Kept::of_thread();
  if (kept.count >= kKeptMost || fields_.capacity() != kKeptFields) return;
  fields_.clear();
  kept.fields[kept.count++].swap(fields_);
}

void Headers::add(FieldName name, std::string_view value) {
  const std::string_view text = name.text();
  fields_.push_back({static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(text.size()),
                     static_cast<uint32_t>(value.size()), name.mark()});
  text_.append(text).append(value);
}

void Headers::append_to_last(std::string_view text) {
  assert(header(text_, fields_.back()).value.end() == std::string_view(text_).end());
  fields_.back().value_bytes += static_cast<uint32_t>(text.size());
  text_.append(text);
}

std::optional<std::string_view> Headers::find(FieldName name) const {
  for (const Field& field : fields_) {
    if (has_name(field, name)) return header(text_, field).value;
  }
  return std::nullopt;
}

size_t Headers::count(FieldName name) const {
  size_t found = 0;
  for (const Field& field : fields_) found += has_name(field, name) ? 1 : 0;
  return found;
}

void Headers::set(FieldName name, std::string_view value) {
  erase(name);
  add(name, value);
}

void Headers::erase(FieldName name) {
  std::erase_if(fields_, [&](const Field& field) { return has_name(field, name); });
}

std::string Headers::joined(FieldName name) const {
  std::string out;
  for (const Field& field : fields_) {
    if (!has_name(field, name)) continue;
    if (!out.empty()) out += ", ";
    out += header(text_, field).value;
  }
  return out;
}

void Headers::clear() {
  fields_.clear();
  text_.clear();
}

void Headers::reserve(size_t fields, size_t bytes) {
  if (fields_.capacity() == 0) {
    Kept& kept = Kept::of_thread();
    const bool any = kept.count > 0 && kept.count <= kKeptMost;
    if (any) fields_.swap(kept.fields[--kept.count]);
    text_ = kept_text(bytes);
  }
  fields_.reserve(std::max(fields, kKeptFields));
  text_.reserve(bytes);
}

}  // namespace culvert
