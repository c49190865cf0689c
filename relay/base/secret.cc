// Masking, wiping and comparing of secrets.
#include "relay/base/secret.h"

#include <cstring>
#include <utility>

namespace culvert {
namespace {

// A short text is copied by a move and stays behind in the string itself. `size`: of what moved.
void wipe_left(std::string* moved_from, size_t size) {
  if (size == 0 || size > moved_from->capacity()) return;
  moved_from->resize(moved_from->capacity());
  wipe(moved_from->data(), moved_from->size());
  moved_from->clear();
}

}  // namespace

std::string mask(std::string_view secret) {
  if (secret.size() < 16) return "…";
  std::string out(secret.substr(0, 4));
  out += "…";
  out += secret.substr(secret.size() - 4);
  return out;
}

void wipe(void* bytes, size_t size) {
  if (size != 0) explicit_bzero(bytes, size);
}

Secret::Secret(Secret&& other) noexcept : value_(std::move(other.value_)) {
  wipe_left(&other.value_, value_.size());
}

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) {
    wipe(value_.data(), value_.size());
    value_ = other.value_;
  }
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe(value_.data(), value_.size());
    value_ = std::move(other.value_);
    wipe_left(&other.value_, value_.size());
  }
  return *this;
}

Secret::~Secret() { wipe(value_.data(), value_.size()); }

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  }
  volatile unsigned char result = difference;
  return result == 0;
}

}  // namespace culvert
