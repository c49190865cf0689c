// A request without any of it costs one search in its body.
#include "tests/bench/load/spec.h"

#include <charconv>

namespace culvert::bench {
namespace {

constexpr std::string_view kMember = "\"bench\":";

template <typename Number>
void read_number(std::string_view text, Number& number) {
  std::from_chars(text.data(), text.data() + text.size(), number);
}

void read_word(std::string_view word, Spec& spec) {
  const size_t sign = word.find('=');
  const std::string_view name = word.substr(0, sign);
  const std::string_view value =
      sign == std::string_view::npos ? std::string_view() : word.substr(sign + 1);
  if (name == "sse") spec.kind = Spec::Kind::kSse;
  if (name == "bulk") spec.kind = Spec::Kind::kBulk;
  if (name == "close") spec.close = true;
  if (name == "bytes") read_number(value, spec.bytes);
  if (name != "rate" && name != "events") return;
  if (name == "rate") read_number(value, spec.rate);
  if (name == "events") read_number(value, spec.events);
  if (spec.kind == Spec::Kind::kJson) spec.kind = Spec::Kind::kSse;
}

void read_words(std::string_view words, Spec& spec) {
  while (!words.empty()) {
    const size_t end = words.find_first_of(",&");
    read_word(words.substr(0, end), spec);
    words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
  }
}

std::string_view member_of(std::string_view body) {
  const size_t at = body.find(kMember);
  if (at == std::string_view::npos) return {};
  const size_t open = body.find('"', at + kMember.size());
  if (open == std::string_view::npos) return {};
  const size_t close = body.find('"', open + 1);
  return close == std::string_view::npos ? std::string_view()
                                         : body.substr(open + 1, close - open - 1);
}

}  // namespace

Spec read_spec(std::string_view path, std::string_view header, std::string_view body) {
  Spec spec;
  const size_t query = path.find('?');
  const std::string_view place = path.substr(0, query);
  if (place.ends_with("/sse")) spec.kind = Spec::Kind::kSse;
  if (place.ends_with("/bulk")) spec.kind = Spec::Kind::kBulk;
  if (query != std::string_view::npos) read_words(path.substr(query + 1), spec);
  read_words(header, spec);
  read_words(member_of(body), spec);
  if (!(spec.rate > 0)) spec.rate = 1;
  if (spec.events == 0) spec.events = 1;
  return spec;
}

}  // namespace culvert::bench
