// Finding where a value ends needs no grammar: strings are skipped, brackets counted.
#include "relay/codec/json_slice.h"

#include "relay/base/json_writer.h"
#include "relay/codec/document.h"
#include "relay/codec/find_either.h"
#include "relay/codec/utf8.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace culvert {
namespace {

constexpr size_t kNone = std::string_view::npos;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool opens(char c) { return c == '"' || c == '{' || c == '['; }

bool is_sign(char c) { return opens(c) || c == ',' || c == '}' || c == ']'; }

size_t skip_blanks(std::string_view text, size_t at) {
  while (at < text.size() && is_blank(text[at])) ++at;
  return at;
}

// From the opening quote to behind the closing one.
size_t skip_string(std::string_view text, size_t at) {
  for (++at; at < text.size(); at += 2) {
    at += find_either(text.substr(at), '"', '\\');
    if (at < text.size() && text[at] == '"') return at + 1;
  }
  return kNone;
}

size_t skip_nested(std::string_view text, size_t at) {
  size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = skip_string(text, at);
      continue;
    }
    ++at;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at;
  }
  return kNone;
}

size_t skip_value(std::string_view text, size_t at) {
  if (at >= text.size()) return kNone;
  if (text[at] == '"') return skip_string(text, at);
  if (text[at] == '{' || text[at] == '[') return skip_nested(text, at);
  const size_t begin = at;
  while (at < text.size() && !is_blank(text[at]) && !is_sign(text[at])) ++at;
  const bool ends = at == text.size() || !opens(text[at]);
  return at == begin || !ends ? kNone : at;
}

// Walks the members of an object: `visit(name literal, value)` until it says false. Says where it
// stopped.
template <class Visit>
size_t walk(std::string_view text, Visit visit) {
  size_t at = 1;
  while ((at = skip_blanks(text, at)) < text.size()) {
    const size_t name_end = text[at] == '"' ? skip_string(text, at) : kNone;
    if (name_end == kNone) return at;
    const std::string_view name = text.substr(at, name_end - at);
    at = skip_blanks(text, name_end);
    if (at >= text.size() || text[at] != ':') return at;
    at = skip_blanks(text, at + 1);
    const size_t end = skip_value(text, at);
    if (end == kNone || !visit(name, JsonSlice(text.substr(at, end - at)))) return at;
    at = skip_blanks(text, end);
    if (at >= text.size() || text[at] != ',') return at;
    ++at;
  }
  return at;
}

std::string_view bare(std::string_view literal) { return literal.substr(1, literal.size() - 2); }

bool is_escaped(std::string_view literal) { return literal.find('\\') != kNone; }

bool is_name(std::string_view literal, std::string_view name) {
  return bare(literal) == name || (is_escaped(literal) && JsonSlice(literal).string() == name);
}

std::optional<uint32_t> hex_unit(std::string_view text) {
  uint32_t unit = 0;
  if (text.size() < 4) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + 4, unit, 16);
  if (error != std::errc() || end != text.data() + 4) return std::nullopt;
  return unit;
}

bool is_high(uint32_t unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low(uint32_t unit) { return unit >= 0xDC00 && unit < 0xE000; }

// Behind `\u`: one unit, or two that are a pair. False where those are no digits.
bool append_point(std::string_view* rest, std::string* out) {
  const auto unit = hex_unit(*rest);
  if (!unit) return false;
  rest->remove_prefix(4);
  uint32_t point = *unit;
  if (is_high(point) && rest->substr(0, 2) == "\\u") {
    if (const auto low = hex_unit(rest->substr(2)); low && is_low(*low)) {
      point = 0x10000 + ((point - 0xD800) << 10U) + (*low - 0xDC00);
      rest->remove_prefix(6);
    }
  }
  append_utf8(is_high(point) || is_low(point) ? 0xFFFD : point, out);
  return true;
}

char unescaped(char c) {
  constexpr std::string_view kLetters = "ntrbf";
  constexpr std::string_view kMeant = "\n\t\r\b\f";
  const size_t at = kLetters.find(c);
  return at == kNone ? c : kMeant[at];
}

// What stands between the quotes. False where that is no string.
bool unescape(std::string_view rest, std::string* out) {
  out->reserve(out->size() + rest.size());
  while (!rest.empty()) {
    const size_t plain = std::min(rest.find('\\'), rest.size());
    out->append(rest.substr(0, plain));
    rest.remove_prefix(plain);
    if (rest.empty()) break;
    if (rest.size() < 2) return false;
    const char c = rest[1];
    rest.remove_prefix(2);
    if (c != 'u') {
      *out += unescaped(c);
    } else if (!append_point(&rest, out)) {
      return false;
    }
  }
  return true;
}

}  // namespace

JsonSlice::JsonSlice(std::string_view text) {
  const size_t begin = skip_blanks(text, 0);
  size_t end = text.size();
  while (end > begin && is_blank(text[end - 1])) --end;
  text_ = text.substr(begin, end - begin);
}

bool JsonSlice::is_whole() const { return skip_value(text_, 0) == text_.size(); }

std::optional<JsonSlice> JsonSlice::find(std::string_view name) const {
  std::optional<JsonSlice> found;
  if (!is_object()) return found;
  walk(text_, [&](std::string_view literal, JsonSlice value) {
    if (!is_name(literal, name)) return true;
    if (value.text() != "null") found = value;
    return false;
  });
  return found;
}

JsonSlice::Picked JsonSlice::pick(std::span<JsonMember> members) const {
  Picked out;
  if (!is_object()) return out;
  const size_t end = walk(text_, [&](std::string_view literal, JsonSlice value) {
    const bool null = value.text() == "null";
    const bool escaped = is_escaped(literal);
    const auto member = std::find_if(members.begin(), members.end(), [&](const JsonMember& one) {
      return escaped ? is_name(literal, one.name) : bare(literal) == one.name;
    });
    if (member == members.end()) {
      out.others = out.others || !null;
    } else if (!std::exchange(member->seen, true) && !null) {
      member->value = value;
    }
    return true;
  });
  out.whole = end + 1 == text_.size() && text_[end] == '}';
  return out;
}

std::vector<std::pair<std::string, JsonSlice>> JsonSlice::members() const {
  std::vector<std::pair<std::string, JsonSlice>> out;
  if (!is_object()) return out;
  walk(text_, [&](std::string_view literal, JsonSlice value) {
    out.emplace_back(JsonSlice(literal).string().value_or(""), value);
    return true;
  });
  return out;
}

std::vector<JsonSlice> JsonSlice::elements() const {
  std::vector<JsonSlice> out;
  for (size_t at = 0; const auto element = next(&at);) out.push_back(*element);
  return out;
}

std::optional<JsonSlice> JsonSlice::next(size_t* at) const {
  std::optional<JsonSlice> found;
  if (!is_array() || *at >= text_.size()) return found;
  const size_t begin = skip_blanks(text_, *at + 1);  // behind the bracket or a comma
  const size_t end = skip_value(text_, begin);
  if (end == kNone) return found;
  found = JsonSlice(text_.substr(begin, end - begin));
  const size_t comma = skip_blanks(text_, end);
  *at = comma < text_.size() && text_[comma] == ',' ? comma : text_.size();
  return found;
}

std::optional<std::string> JsonSlice::string() const {
  std::string out;
  if (!is_string() || skip_string(text_, 0) != text_.size()) return std::nullopt;
  if (!unescape(text_.substr(1, text_.size() - 2), &out)) return std::nullopt;
  return out;
}

void JsonSlice::append_string(std::string* out) const {
  const size_t before = out->size();
  if (!is_string() || skip_string(text_, 0) != text_.size()) return;
  if (!unescape(text_.substr(1, text_.size() - 2), out)) out->resize(before);
}

std::optional<uint64_t> JsonSlice::count() const {
  uint64_t count = 0;
  const char* const end = text_.data() + text_.size();
  const auto [read, error] = std::from_chars(text_.data(), end, count);
  if (text_.empty() || error != std::errc() || read != end) return std::nullopt;
  return count;
}

std::optional<JsonSlice> find(std::optional<JsonSlice> of, std::string_view name) {
  return of ? of->find(name) : std::nullopt;
}

bool is_json(std::string_view text) { return Document(text).root().has_value(); }

std::string json_literal(std::string_view text) {
  JsonWriter json;
  const std::string list = json.begin_array().value(text).end_array().take();
  return list.substr(1, list.size() - 2);
}

std::string replaced(std::string_view document, std::string_view part, std::string_view with) {
  const auto at = static_cast<size_t>(part.data() - document.data());
  std::string out(document.substr(0, at));
  out += with;
  out += document.substr(at + part.size());
  return out;
}

std::string with_member(std::string_view object, std::string_view name, std::string_view value) {
  const JsonSlice root(object);
  if (const auto old = root.find(name)) return replaced(object, old->text(), value);
  const std::string_view end = root.text().substr(root.text().size() - 1);
  const std::string comma = root.members().empty() ? "" : ",";
  return replaced(object, end, comma + json_literal(name) + ":" + std::string(value) + "}");
}

std::string text_member(std::optional<JsonSlice> of, std::string_view name) {
  const auto found = find(of, name);
  return found ? found->string().value_or("") : std::string();
}

}  // namespace culvert
