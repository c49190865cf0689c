// A tree as JSON and as YAML. YAML's plain strings are only those that no reader takes for a
// number, a truth, a date or an indicator; all others are quoted as in JSON.
#include "control/cli/display.h"
#include "control/cli/value.h"
#include "relay/base/json_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace culvert::cli {
namespace {

std::string number(double value) {
  if (!std::isfinite(value)) return "null";
  std::string text = fmt::format("{:.3f}", value);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

// What is the same in both: everything but lists and maps that hold something.
std::string scalar(const Value& value) {
  const auto& content = value.content;
  if (const bool* truth = std::get_if<bool>(&content)) return *truth ? "true" : "false";
  if (const auto* whole = std::get_if<int64_t>(&content)) return std::to_string(*whole);
  if (const auto* size = std::get_if<uint64_t>(&content)) return std::to_string(*size);
  if (const auto* real = std::get_if<double>(&content)) return number(*real);
  if (const auto* text = std::get_if<std::string>(&content)) return json_text(*text);
  if (std::holds_alternative<Value::List>(content)) return "[]";
  if (std::holds_alternative<Value::Map>(content)) return "{}";
  return "null";
}

// indent < 0: on one line.
void write_json(const Value& value, int indent, std::string* out) {
  const auto* list = std::get_if<Value::List>(&value.content);
  const auto* map = std::get_if<Value::Map>(&value.content);
  const size_t size = list != nullptr ? list->size() : map != nullptr ? map->size() : 0;
  if (size == 0) {
    *out += scalar(value);
    return;
  }
  const int inner = indent < 0 ? indent : indent + 2;
  const auto break_line = [&](int columns) {
    if (indent < 0) return;
    *out += '\n';
    out->append(static_cast<size_t>(columns), ' ');
  };
  *out += list != nullptr ? '[' : '{';
  for (size_t i = 0; i < size; ++i) {
    if (i > 0) *out += indent < 0 ? ", " : ",";
    break_line(inner);
    if (map != nullptr) *out += json_text((*map)[i].first) + ": ";
    write_json(list != nullptr ? (*list)[i] : (*map)[i].second, inner, out);
  }
  break_line(indent);
  *out += list != nullptr ? ']' : '}';
}

bool plain_in_yaml(std::string_view text) {
  static constexpr std::string_view kWords[] = {"true", "false", "yes", "no", "on",
                                                "off",  "null",  "y",   "n",  "nan"};
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (text.empty() || !letter(text.front())) return false;
  const std::string low = [&] {
    std::string copy(text);
    for (char& c : copy) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return copy;
  }();
  if (std::find(std::begin(kWords), std::end(kWords), low) != std::end(kWords)) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '/';
  });
}

std::string yaml_scalar(const Value& value) {
  const auto* text = std::get_if<std::string>(&value.content);
  return text != nullptr && plain_in_yaml(*text) ? *text : scalar(value);
}

bool holds(const Value& value) {
  const auto* list = std::get_if<Value::List>(&value.content);
  const auto* map = std::get_if<Value::Map>(&value.content);
  return (list != nullptr && !list->empty()) || (map != nullptr && !map->empty());
}

// The first line is not indented: what stands before it is.
void write_yaml(const Value& value, size_t indent, std::string* out) {
  const std::string start(indent, ' ');
  if (const auto* list = std::get_if<Value::List>(&value.content);
      list != nullptr && holds(value)) {
    for (size_t i = 0; i < list->size(); ++i) {
      if (i > 0) *out += start;
      *out += "- ";
      write_yaml((*list)[i], indent + 2, out);
    }
  } else if (const auto* map = std::get_if<Value::Map>(&value.content);
             map != nullptr && holds(value)) {
    for (size_t i = 0; i < map->size(); ++i) {
      const auto& [key, item] = (*map)[i];
      if (i > 0) *out += start;
      *out += yaml_scalar(Value{key}) + ":";
      if (holds(item))
        *out += "\n" + start + "  ";
      else
        *out += " ";
      write_yaml(item, indent + 2, out);
    }
  } else {
    *out += yaml_scalar(value) + "\n";
  }
}

}  // namespace

std::string json_text(std::string_view text) {
  std::string out = "\"";
  const std::string valid = valid_utf8(text);
  for (size_t i = 0; i < valid.size(); ++i) {
    const char c = valid[i];
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{:04x}", byte);
    } else if (byte == 0xC2 && static_cast<unsigned char>(valid[i + 1]) < 0xA0) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(valid[++i]));  // C1
    } else if (byte == 0xE2 && valid.substr(i, 2) == "\xE2\x80" &&
               clean(valid.substr(i, 3)) == "?") {
      const auto last = static_cast<unsigned>(static_cast<unsigned char>(valid[i + 2]) & 0x3F);
      out += fmt::format("\\u20{:02x}", last);
      i += 2;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string to_json(const Value& value) {
  std::string out;
  write_json(value, 0, &out);
  return out + "\n";
}

std::string to_json_line(const Value& value) {
  std::string out;
  write_json(value, -1, &out);
  return out + "\n";
}

std::string to_yaml_text(const Value& value) {
  std::string out;
  write_yaml(value, 0, &out);
  return out;
}

}  // namespace culvert::cli
