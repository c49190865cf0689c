// A value or an Error. Member names are those of std::expected, so that it can take over one day.
#pragma once

#include "relay/base/error.h"

#include <cassert>
#include <optional>
#include <utility>
#include <variant>

namespace culvert {

template <class T>
class [[nodiscard]] Result {
 public:
  // Implicit on purpose: `return value;` and `return error;` both read as what they are.
  // NOLINTBEGIN(google-explicit-constructor)
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  // NOLINTEND(google-explicit-constructor)

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T& value() & { return *std::get_if<0>(&state_); }
  const T& value() const& { return *std::get_if<0>(&state_); }
  T&& value() && { return std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  Error& error() & { return *std::get_if<1>(&state_); }
  const Error& error() const& { return *std::get_if<1>(&state_); }
  Error&& error() && { return std::move(*std::get_if<1>(&state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  Error& error() & { return *error_; }
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

}  // namespace culvert

// Evaluates to the value of a Result, or returns its error from the function around it.
#define CULVERT_TRY(expr)                                      \
  __extension__({                                              \
    auto culvert_try_ = (expr);                                \
    if (!culvert_try_) return std::move(culvert_try_).error(); \
    std::move(culvert_try_).value();                           \
  })

// The same for Result<void>.
#define CULVERT_CHECK(expr)                                        \
  do {                                                             \
    auto culvert_check_ = (expr);                                  \
    if (!culvert_check_) return std::move(culvert_check_).error(); \
  } while (false)
