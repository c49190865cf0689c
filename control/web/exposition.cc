// Values of labels come from relays and operators: escaped as the format says, and valid UTF-8.
#include "control/web/exposition.h"

#include "relay/base/json_writer.h"

#include <fmt/format.h>

namespace culvert::control {
namespace {

std::string escaped(std::string_view value) {
  std::string text;
  for (const char c : valid_utf8(value)) {
    if (c == '\\' || c == '"') text += '\\';
    if (c == '\n') {
      text += "\\n";
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace

Exposition& Exposition::gauge(std::string_view name, std::string_view help) {
  return begin(name, help, "gauge");
}

Exposition& Exposition::counter(std::string_view name, std::string_view help) {
  return begin(name, help, "counter");
}

Exposition& Exposition::sample(Labels labels, double value) {
  write(labels, fmt::format("{}", value));
  return *this;
}

Exposition& Exposition::sample(Labels labels, uint64_t value) {
  write(labels, fmt::format("{}", value));
  return *this;
}

Exposition& Exposition::begin(std::string_view name, std::string_view help, std::string_view type) {
  name_ = name;
  text_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
  return *this;
}

void Exposition::write(Labels labels, std::string_view value) {
  text_ += name_;
  char before = '{';
  for (const auto& [name, content] : labels) {
    text_ += fmt::format("{}{}=\"{}\"", before, name, escaped(content));
    before = ',';
  }
  if (labels.size() > 0) text_ += '}';
  text_ += fmt::format(" {}\n", value);
}

}  // namespace culvert::control
