// Apart from base/url because that one refuses user information, and an upstream never has any.
#include "proto/proxy_url.h"

#include "proto/suggest.h"
#include "relay/base/text.h"
#include "relay/base/url.h"

#include <algorithm>
#include <array>

namespace culvert {
namespace {

struct Scheme {
  std::string_view name;
  uint16_t port;
};
constexpr std::array<Scheme, 4> kSchemes = {
    {{"http", 80}, {"https", 443}, {"socks5", 1080}, {"socks5h", 1080}}};
constexpr std::string_view kAllowed =
    "; allowed is SCHEME://[USER:PASSWORD@]HOST:PORT with http, https, socks5 or socks5h";
constexpr size_t kCredentialBytes = 255;  // RFC 1929 §2 has one byte for the length

struct Parts {
  std::string scheme;
  std::string_view user_info;  // with its "@", or empty
  std::string_view authority;
};

// nullopt where there is no "://".
std::optional<Parts> split(std::string_view url) {
  const size_t colon = url.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  Parts parts;
  parts.scheme = lower(url.substr(0, colon));
  std::string_view rest = url.substr(colon + 3);
  if (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
  const size_t at = rest.rfind('@');
  const size_t after = at == std::string_view::npos ? 0 : at + 1;
  parts.user_info = rest.substr(0, after);
  parts.authority = rest.substr(after);
  return parts;
}

bool is_plain(char c) {
  static constexpr std::string_view kMarks = "-._~!$&'()*+,;=%";
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
         kMarks.find(c) != std::string_view::npos;
}

// Written correctly, and nothing in it that would end a line or a string behind the proxy's back.
bool is_credential(std::string_view text) {
  if (!std::all_of(text.begin(), text.end(), is_plain)) return false;
  const std::string decoded = percent_decode(text);
  const auto encoded = static_cast<size_t>(std::count(text.begin(), text.end(), '%'));
  return decoded.size() + 2 * encoded == text.size() && decoded.size() <= kCredentialBytes &&
         std::all_of(decoded.begin(), decoded.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F; });
}

bool is_user_info(std::string_view text) {
  if (text.empty()) return true;
  text.remove_suffix(1);
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return !text.empty() && is_credential(text);
  return colon > 0 && is_credential(text.substr(0, colon)) && is_credential(text.substr(colon + 1));
}

}  // namespace

Flaw proxy_flaw(std::string_view url) {
  const std::string allowed(kAllowed);
  if (url.empty()) return "an empty proxy" + allowed + ", or env:NAME or file:PATH of one";
  const auto parts = split(url);
  if (!parts) return "the proxy is no URL" + allowed;
  std::vector<std::string_view> names;
  for (const Scheme& scheme : kSchemes) names.push_back(scheme.name);
  if (std::find(names.begin(), names.end(), parts->scheme) == names.end()) {
    return "the proxy's scheme is not known; " + what_is_allowed(parts->scheme, names);
  }
  if (!is_user_info(parts->user_info)) {
    return "the proxy's user or password is not written as a URL needs it (other characters than "
           "letters, digits and -._~!$&'()*+,;= as %XX), or too long" +
           allowed;
  }
  const auto host = parse_authority(parts->authority);
  if (!host) return "the proxy's address is none: a host, or a host and a port" + allowed;
  return std::nullopt;
}

std::string proxy_with_port(std::string_view url) {
  const auto parts = split(url);
  if (!parts) return std::string(url);
  std::string out = parts->scheme + "://" + std::string(parts->user_info);
  const auto host = parse_authority(parts->authority);
  if (!host) return std::string(url);
  for (const Scheme& scheme : kSchemes) {
    if (scheme.name != parts->scheme) continue;
    const bool v6 = host->host.find(':') != std::string::npos;
    out += v6 ? "[" + host->host + "]" : host->host;
    out += ":" + std::to_string(host->port == 0 ? scheme.port : host->port);
  }
  return out;
}

}  // namespace culvert
