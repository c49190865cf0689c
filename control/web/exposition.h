// Prometheus' text format, version 0.0.4, written family by family. Pure.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace culvert::control {

class Exposition {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  // Begins a family; its samples follow at once. A counter's name ends in _total.
  Exposition& gauge(std::string_view name, std::string_view help);
  Exposition& counter(std::string_view name, std::string_view help);

  Exposition& sample(Labels labels, double value);
  Exposition& sample(Labels labels, uint64_t value);

  const std::string& text() const { return text_; }

 private:
  Exposition& begin(std::string_view name, std::string_view help, std::string_view type);
  void write(Labels labels, std::string_view value);

  std::string text_;
  std::string name_;
};

}  // namespace culvert::control
