// A key or a token: wiped from memory when it ends, and printed only masked.
#pragma once

#include <string>
#include <string_view>

namespace culvert {

// First 4 … last 4; nothing of it where it is shorter than 16 characters (privacy: Logs).
std::string mask(std::string_view secret);

// Overwrites the bytes in a way that the compiler may not drop.
void wipe(void* bytes, size_t size);

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view value) : value_(value) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  // The only way to the plain value: whoever calls it puts it on the wire or hashes it.
  std::string_view reveal() const { return value_; }
  std::string masked() const { return mask(value_); }
  bool empty() const { return value_.empty(); }
  friend bool operator==(const Secret& a, const Secret& b) { return a.value_ == b.value_; }

 private:
  std::string value_;
};

// Compares without telling by its time where the two differ; lengths are not secret.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace culvert
