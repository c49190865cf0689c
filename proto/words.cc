// Sentences for people; the rules are one line each.
#include "proto/words.h"

#include "proto/scalars.h"
#include "relay/base/limits.h"
#include "relay/base/text.h"
#include "relay/base/url.h"

#include <algorithm>
#include <iterator>

namespace culvert {
namespace {

constexpr size_t kNameBytes = 63;

bool is_letter_or_digit(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9');
}

bool is_visible(char c) { return c > 0x20 && c < 0x7F; }

// First segments of paths that mean something else (surface: URLs).
constexpr std::string_view kReserved[] = {
    "http",   "https",     "ws",       "wss",     "api",    "gateway",     "v1",
    "v1beta", "verify",    "healthz",  "readyz",  "chat",   "completions", "embeddings",
    "models", "responses", "messages", "v1alpha", "upload",
};

// Names under which logs and metrics show what no upstream has.
constexpr std::string_view kLabels[] = {"generic", "none"};

// The beginnings of tokens that stand in examples, without case and punctuation.
constexpr std::string_view kDefaults[] = {
    "yourauthtoken",    "yourtoken",       "yoursecret",   "yourpassword",     "yourapikey",
    "yourrelaytoken",   "youraccesstoken", "changeme",     "changethis",       "pleasechange",
    "replaceme",        "replacethis",     "defaulttoken", "defaultauthtoken", "insertyour",
    "putyour",          "placeholder",     "exampletoken", "sampletoken",      "mysecrettoken",
    "supersecrettoken",
};

bool is_default_token(std::string_view token) {
  std::string folded;
  for (const char c : token) {
    if (is_letter_or_digit(c)) folded += lower(c);
  }
  const bool known = std::any_of(std::begin(kDefaults), std::end(kDefaults), [&](auto start) {
    return std::string_view(folded).substr(0, start.size()) == start;
  });
  return known || token.find_first_not_of(token.front()) == std::string_view::npos;
}

}  // namespace

Flaw name_flaw(std::string_view name) {
  const bool sound =
      !name.empty() && name.size() <= kNameBytes && is_letter_or_digit(name.front()) &&
      std::all_of(name.begin(), name.end(),
                  [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.'; });
  if (sound) return std::nullopt;
  return in_quotes(name) +
         " cannot be a name; allowed are up to 63 letters, digits, -, _ and ., the first one a "
         "letter or a digit";
}

Flaw alias_flaw(std::string_view alias) {
  if (auto flaw = name_flaw(alias)) return flaw;
  if (lower(alias) != alias) {
    return in_quotes(alias) + " cannot be an alias; allowed are lower-case letters";
  }
  if (std::find(std::begin(kReserved), std::end(kReserved), alias) != std::end(kReserved)) {
    return in_quotes(alias) +
           " cannot be an alias, because paths that begin with it mean something else; any other "
           "word is allowed";
  }
  if (std::find(std::begin(kLabels), std::end(kLabels), alias) != std::end(kLabels)) {
    return in_quotes(alias) +
           " cannot be an alias, because logs and metrics mean something else by it; any other "
           "word is allowed";
  }
  return std::nullopt;
}

bool is_reference(std::string_view secret) {
  return secret.substr(0, 4) == "env:" || secret.substr(0, 5) == "file:";
}

bool is_masked(std::string_view secret) {
  constexpr std::string_view kGap = "…";
  const bool shown = secret.size() == 8 + kGap.size() && secret.substr(4, kGap.size()) == kGap;
  return secret == kGap || shown;
}

Flaw token_flaw(std::string_view token) {
  const std::string least = std::to_string(limits::kTokenBytesLeast);
  const std::string needed = "; allowed are tokens of at least " + least +
                             " characters that nobody can guess, such as `openssl rand -hex 24` "
                             "prints";
  if (token.empty()) return "an empty token" + needed;
  if (is_default_token(token)) return "a token that stands in examples" + needed;
  if (token.size() < limits::kTokenBytesLeast) {
    return "a token of fewer than " + least + " characters" + needed;
  }
  if (token.size() > limits::kTokenBytesMost) {
    return "a token of more than " + std::to_string(limits::kTokenBytesMost) + " characters" +
           needed;
  }
  static constexpr std::string_view kSeparators = ",;/?#%&\\\"'<>()";
  const bool sound = std::all_of(token.begin(), token.end(), [](char c) {
    return is_visible(c) && kSeparators.find(c) == std::string_view::npos;
  });
  if (sound) return std::nullopt;
  return "a token with a character that paths, queries or lists use; allowed is visible ASCII "
         "without " +
         std::string(kSeparators);
}

Flaw key_flaw(std::string_view key) {
  if (key.empty()) return "an empty key; allowed are env:NAME, file:PATH or the value";
  const bool sound =
      std::all_of(key.begin(), key.end(), [](char c) { return is_visible(c) && c != ','; });
  if (sound) return std::nullopt;
  return "a key with a space, a comma or another character that no key has; allowed is visible "
         "ASCII without commas";
}

Flaw header_name_flaw(std::string_view name) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  const bool sound =
      !name.empty() && name.size() <= 256 && std::all_of(name.begin(), name.end(), [](char c) {
        return is_letter_or_digit(c) || kMarks.find(c) != std::string_view::npos;
      });
  if (sound) return std::nullopt;
  return in_quotes(name) + " is no header name; allowed are letters, digits and " +
         std::string(kMarks);
}

Flaw header_value_flaw(std::string_view value) {
  const bool clean = std::all_of(value.begin(), value.end(), [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
  });
  if (clean && value.size() <= 8192 && trim(value) == value) return std::nullopt;
  return "a header value with a control character or space around it, or longer than 8192 bytes; "
         "allowed is one line of text";
}

Flaw path_prefix_flaw(std::string_view prefix) {
  const bool sound = prefix.size() > 1 && prefix.front() == '/' && prefix.back() != '/' &&
                     prefix.find('?') == std::string_view::npos &&
                     prefix.find("//") == std::string_view::npos &&
                     check_target(prefix).has_value();
  if (sound) return std::nullopt;
  return in_quotes(prefix) +
         " is no path prefix; allowed are whole segments such as /a or /a/b, without a slash at "
         "the end, empty or dot segments, or a query";
}

std::optional<std::string_view> via_region(std::string_view strategy) {
  constexpr std::string_view kVia = "via:";
  if (!strategy.starts_with(kVia)) return std::nullopt;
  return strategy.substr(kVia.size());
}

Flaw control_address_flaw(std::string_view address) {
  const size_t colon = address.rfind(':');
  const bool split = colon != std::string_view::npos && colon > 0;
  const auto port = split ? parse_whole(address.substr(colon + 1), 65535) : std::nullopt;
  const auto url = parse_url("https://" + std::string(address));
  if (port && *port > 0 && url && url->path.empty() && url->host.find('@') == std::string::npos) {
    return std::nullopt;
  }
  return in_quotes(address) +
         " is no address of a control service; allowed is HOST:PORT, such as "
         "control.example.com:7443";
}

Flaw key_id_flaw(std::string_view id) {
  const bool sound = id.size() == 12 && std::all_of(id.begin(), id.end(), [](char c) {
                       return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                     });
  if (sound) return std::nullopt;
  return in_quotes(id) +
         " is no key's id; allowed are 12 hexadecimal digits in lower case, as `culvert key list` "
         "shows them";
}

Flaw url_flaw(std::string_view url) {
  const std::string shown =
      url.find('@') == std::string_view::npos ? in_quotes(url) : std::string("the URL");
  const auto parsed = parse_url(url);
  if (!parsed) return shown + " is no URL of an upstream: " + parsed.error().detail;
  if (parsed->scheme != "http" && parsed->scheme != "https") {
    return shown + " has the scheme " + parsed->scheme + "; allowed are https and http";
  }
  return std::nullopt;
}

}  // namespace culvert
