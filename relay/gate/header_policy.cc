// Tables; the order of the first is the order on the wire.
#include "relay/gate/header_policy.h"

#include "relay/base/denied_headers.h"
#include "relay/base/field_name.h"
#include "relay/base/text.h"

#include <algorithm>
#include <array>

namespace culvert {
namespace {

struct Known {
  std::string_view spelling;
  bool list = false;  // RFC 9110 §5.3: values may be joined by a comma
};

// privacy.md, "from the client". Content-Encoding belongs to Content-Type: a compressed body could
// not be read without it.
constexpr Known kKnown[] = {
    {"Accept", true},
    {"Content-Type"},
    {"Content-Encoding", true},
    {"anthropic-version"},
    {"anthropic-beta", true},
    {"anthropic-dangerous-direct-browser-access"},
    {"OpenAI-Organization"},
    {"OpenAI-Project"},
    {"OpenAI-Beta", true},
    {"Idempotency-Key"},
    {"x-goog-api-client"},
    {"x-goog-user-project"},
    {"Range"},
    {"If-Match", true},
    {"If-None-Match", true},
    {"If-Modified-Since"},
    {"If-Unmodified-Since"},
    {"If-Range"},
    {"Last-Event-ID"},
};
constexpr uint32_t kAfterKnown = std::size(kKnown);
constexpr FieldTable kRanks{[] {
  std::array<std::string_view, kAfterKnown> names;
  std::transform(std::begin(kKnown), std::end(kKnown), names.begin(),
                 [](const Known& known) { return known.spelling; });
  return names;
}()};
constexpr std::array<std::string_view, 2> kKnownPrefixes = {"x-goog-upload-", "if-"};

// Fields of browsers, SDKs, tracing and hosting platforms that describe the client and that a
// server can do without. The absolute table (base/denied_headers.h) comes before this one.
constexpr FieldTable kTelling{std::to_array<std::string_view>({
    "accept-language",
    "device-memory",
    "dpr",
    "viewport-width",
    "width",
    "downlink",
    "ect",
    "rtt",
    "save-data",
    "sec-gpc",
    "x-client-data",
    "x-requested-with",
    "sentry-trace",
    "uber-trace-id",
    "x-trace-id",
    "x-country-code",
    "x-client-port",
    "newrelic",
    "incap-client-ip",
})};
constexpr std::array<std::string_view, 9> kTellingPrefixes = {
    "x-stainless-", "x-datadog-", "x-akamai-", "x-arr-",  "x-sucuri-",
    "x-geo-",       "x-railway-", "x-ot-",     "x-real-",
};

bool is_one_of(std::string_view name, const std::vector<std::string>* names) {
  if (names == nullptr) return false;
  for (const std::string& one : *names) {  // of nearly all upstreams and routes none
    if (equal_ignoring_case(one, name)) return true;
  }
  return false;
}

template <class Prefixes>
bool begins_with_one_of(std::string_view name, const Prefixes& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view prefix) {
    return starts_with_ignoring_case(name, prefix);
  });
}

std::optional<Passage> known_passage(std::string_view name) {
  const size_t rank = kRanks.find(name);
  if (rank == kAfterKnown) return std::nullopt;
  const Known& known = kKnown[rank];
  return Passage{known.spelling, static_cast<uint32_t>(rank), known.list ? ", " : ""};
}

bool never_passes(std::string_view name) {
  return is_denied_header(name) || is_written_by_relay(name);
}

double quality_of(std::string_view parameters) {
  for (const std::string_view parameter : split_list(parameters, ';')) {
    if (!starts_with_ignoring_case(parameter, "q=")) continue;
    // Only zero matters (RFC 9110 §12.4.2).
    return parameter.find_first_of("123456789") == std::string_view::npos ? 0 : 1;
  }
  return 1;
}

}  // namespace

bool AllowedNames::contains(std::string_view name) const {
  return is_one_of(name, of_upstream) || is_one_of(name, of_route);
}

std::optional<Passage> preset_passage(std::string_view name, const AllowedNames& allowed) {
  if (auto known = known_passage(name)) return known;  // none of them is denied: a test holds it
  if (!begins_with_one_of(name, kKnownPrefixes) && !allowed.contains(name)) return std::nullopt;
  if (never_passes(name) || needs_naming(name)) return std::nullopt;
  return Passage{{}, kAfterKnown, ", "};
}

std::optional<Passage> generic_passage(std::string_view name, const AllowedNames& allowed) {
  if (auto known = known_passage(name)) return known;
  if (never_passes(name)) return std::nullopt;
  const bool named = allowed.contains(name);
  if (needs_naming(name) && !named) return std::nullopt;
  if (!named && (kTelling.contains(name) || begins_with_one_of(name, kTellingPrefixes))) {
    return std::nullopt;
  }
  return Passage{{}, kAfterKnown, equal_ignoring_case(name, "cookie") ? "; " : ", "};
}

std::string common_coding(std::string_view accept_encoding) {
  static constexpr std::array<std::string_view, 4> kOthers = {"br", "zstd", "deflate", "compress"};
  std::array<bool, kOthers.size()> takes{};
  for (const std::string_view entry : split_list(accept_encoding)) {
    const size_t semicolon = std::min(entry.find(';'), entry.size());
    const std::string coding = lower(trim(entry.substr(0, semicolon)));
    if (quality_of(entry.substr(semicolon)) == 0) continue;
    if (coding == "gzip" || coding == "x-gzip" || coding == "*") return "gzip";
    for (size_t i = 0; i < kOthers.size(); ++i) takes[i] = takes[i] || coding == kOthers[i];
  }
  std::string out;
  for (size_t i = 0; i < kOthers.size(); ++i) {
    if (takes[i]) (out += out.empty() ? "" : ", ") += kOthers[i];
  }
  return out.empty() ? "identity" : out;
}

}  // namespace culvert
