// Every member is optional, and whatever has another shape says nothing.
#include "relay/codec/refusal_body.h"

#include "relay/base/text.h"
#include "relay/codec/document.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace culvert {
namespace {

using simdjson::dom::element;
using Element = std::optional<element>;

constexpr double kMilliseconds = 1e11;  // a Unix time above it is not in seconds

std::string words_of(Element found) {
  if (const auto text = text_of(found)) {
    return std::string(text->substr(0, RefusalBody::kMessageBytes));
  }
  if (const auto number = count_of(found)) return std::to_string(*number);
  return {};
}

std::optional<double> number_of(Element found) {
  double value = 0;
  if (found && found->get(value) == simdjson::SUCCESS) return value;
  const auto text = text_of(found);
  if (!text) return std::nullopt;
  const char* end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

bool opens_quote(std::string_view text, size_t at) {
  const char c = text[at];
  if (c != '\'' && c != '"' && c != '`') return false;
  // An apostrophe stands inside of a word or behind it.
  return c != '\'' || at == 0 || text[at - 1] == ' ' || text[at - 1] == '(' || text[at - 1] == ':';
}

std::string without_quotes(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (opens_quote(text, at)) {
      const size_t end = text.find(text[at], at + 1);
      if (end != std::string_view::npos) {
        at = end;
        continue;
      }
    }
    out += text[at];
  }
  return out;
}

void read_detail(element detail, RefusalBody* out) {
  const auto type = text_of(member(detail, "@type")).value_or("");
  if (type.ends_with("google.rpc.ErrorInfo") && out->reasons.size() < RefusalBody::kItems) {
    out->reasons.push_back(words_of(member(detail, "reason")));
  }
  if (!type.ends_with("google.rpc.QuotaFailure")) return;
  for (const element& violation : elements_of(member(detail, "violations"))) {
    if (out->quotas.size() >= RefusalBody::kItems) return;
    out->quotas.push_back(
        {words_of(member(violation, "quotaId")), words_of(member(violation, "quotaValue"))});
  }
}

// ChatGPT's plans tell both, OpenRouter hands the head of its own upstream through.
void read_resets(Element error, RefusalBody* out) {
  out->resets_in = number_of(member(error, "resets_in_seconds"));
  out->resets_at = number_of(member(error, "resets_at"));
  if (!out->resets_at) out->resets_at = number_of(member(error, "resetsAt"));
  if (!out->resets_at) {
    const auto headers = member(member(error, "metadata"), "headers");
    out->resets_at = number_of(member(headers, "X-RateLimit-Reset"));
  }
  if (out->resets_at && *out->resets_at > kMilliseconds) *out->resets_at /= 1000;
}

}  // namespace

RefusalBody read_refusal_body(std::string_view json) {
  RefusalBody out;
  const Document document(json);
  Element root = document.root();
  if (!root) return out;
  if (const auto answers = elements_of(root); !answers.empty()) root = answers.front();
  const Element error = member(root, "error");
  const bool object = error && error->is_object();
  const Element from = object ? error : root;
  out.type = words_of(member(from, "type"));
  out.code = words_of(member(from, "code"));
  out.status = words_of(member(from, "status"));
  std::string message = words_of(member(from, "message"));
  if (message.empty() && !object) message = words_of(error);
  if (message.empty()) message = words_of(member(root, "message"));
  if (message.empty()) message = words_of(member(root, "detail"));
  out.message = lower(without_quotes(message));
  for (const element& detail : elements_of(member(from, "details"))) read_detail(detail, &out);
  read_resets(from, &out);
  return out;
}

}  // namespace culvert
