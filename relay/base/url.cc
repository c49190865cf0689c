// The parser is written by hand because every general URL parser repairs what it reads, and a
// repaired URL is one that two programs understand differently.
#include "relay/base/url.h"

#include "relay/base/text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>

namespace culvert {
namespace {

constexpr size_t kHostBytes = 253;  // RFC 1035 §2.3.4 without the root's dot
constexpr size_t kLabelBytes = 63;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
bool is_hex(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f'); }
int hex_value(char c) { return is_digit(c) ? c - '0' : lower(c) - 'a' + 10; }
bool is_visible(char c) { return c > 0x20 && c < 0x7F; }

Error bad(std::string detail) {
  return Error::client(Code::kBadRequest, Stage::kRequest, std::move(detail));
}

bool is_label(std::string_view label) {
  if (label.empty() || label.size() > kLabelBytes) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(),
                     [](char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '_'; });
}

// A name whose last label is a number is read as an IPv4 address by resolvers, in octal and
// hexadecimal too. Only the plain dotted form means the same to all.
bool is_number(std::string_view label) {
  if (starts_with_ignoring_case(label, "0x")) {
    return std::all_of(label.begin() + 2, label.end(), is_hex);
  }
  return std::all_of(label.begin(), label.end(), is_digit);
}

bool is_ipv4(const std::string& host) {
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1;
}

bool is_ipv6(const std::string& host) {
  // inet_pton reads up to a NUL; what stands behind one would become part of the host.
  const bool clean = std::all_of(host.begin(), host.end(),
                                 [](char c) { return is_hex(c) || c == ':' || c == '.'; });
  if (!clean) return false;
  in6_addr address{};
  return inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool has_labels(std::string_view host) {
  if (host.empty() || host.size() > kHostBytes) return false;
  while (true) {
    const size_t dot = host.find('.');
    if (!is_label(host.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    host.remove_prefix(dot + 1);
  }
}

// Of an address, or of what a resolver may take for one.
bool ends_in_number(std::string_view host) {
  const size_t dot = host.rfind('.');
  return is_number(dot == std::string_view::npos ? host : host.substr(dot + 1));
}

bool is_name(std::string_view host) {
  return has_labels(host) && (!ends_in_number(host) || is_ipv4(std::string(host)));
}

std::optional<uint16_t> parse_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || !std::all_of(text.begin(), text.end(), is_digit)) {
    return std::nullopt;
  }
  unsigned port = 0;
  for (const char c : text) port = port * 10 + static_cast<unsigned>(c - '0');
  if (port == 0 || port > 65535) return std::nullopt;
  return static_cast<uint16_t>(port);
}

// Lower case, and "%2e", "%2f" and "%5c" as what they stand for: enough to see dot segments.
std::string readable_path(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%' || i + 2 >= path.size()) {
      out += path[i];
      continue;
    }
    const int byte = hex_value(path[i + 1]) * 16 + hex_value(path[i + 2]);
    out += byte == '.' ? '.' : byte == '/' || byte == '\\' ? '/' : '%';
    i += 2;
  }
  return out;
}

bool has_dot_segment(std::string_view path) {
  if (path.find('.') == std::string_view::npos && path.find('%') == std::string_view::npos) {
    return false;
  }
  const std::string readable = readable_path(path);
  std::string_view rest = readable;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view segment = rest.substr(0, end);
    if (segment == "." || segment == "..") return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

bool has_bad_percent(std::string_view path) {
  for (size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1)) {
    if (at + 2 >= path.size() || !is_hex(path[at + 1]) || !is_hex(path[at + 2])) return true;
  }
  return false;
}

// What is wrong with a path (without query), nullptr where nothing is.
const char* path_fault(std::string_view path) {
  if (!std::all_of(path.begin(), path.end(), is_visible)) {
    return "holds a byte that is not visible ASCII; it must be percent-encoded (RFC 3986 §2)";
  }
  if (path.find('#') != std::string_view::npos) return "holds a fragment (RFC 9112 §3.2.1)";
  if (path.find('\\') != std::string_view::npos) return "holds a backslash";
  if (has_bad_percent(path)) return "holds a percent sign without two hexadecimal digits";
  if (has_dot_segment(path)) return "holds a dot segment (RFC 3986 §3.3)";
  return nullptr;
}

}  // namespace

std::string Url::authority() const {
  std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (!default_port()) (out += ':') += std::to_string(port);
  return out;
}

std::string Url::text() const { return scheme + "://" + authority() + path; }

Result<Url> parse_url(std::string_view text) {
  static constexpr std::array<std::string_view, 4> kSchemes = {"http", "https", "ws", "wss"};
  const size_t colon = text.find("://");
  if (colon == std::string_view::npos) {
    return bad("a URL begins with http://, https://, ws:// or wss://");
  }
  Url url;
  url.scheme = lower(text.substr(0, colon));
  if (std::find(kSchemes.begin(), kSchemes.end(), url.scheme) == kSchemes.end()) {
    return bad("the scheme of a URL is http, https, ws or wss");
  }
  text.remove_prefix(colon + 3);
  if (text.find('?') != std::string_view::npos) return bad("the URL may not have a query");
  const size_t slash = std::min(text.find('/'), text.size());
  auto authority = CULVERT_TRY(parse_authority(text.substr(0, slash)));
  url.host = std::move(authority.host);
  url.port = authority.port;
  if (url.port == 0) url.port = url.tls() ? 443 : 80;

  std::string_view path = text.substr(slash);
  if (const char* fault = path_fault(path)) return bad(std::string("the URL's path ") + fault);
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  url.path = path;
  return url;
}

Result<HostPort> parse_authority(std::string_view text) {
  HostPort authority;
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  const bool bracketed = !text.empty() && text.front() == '[';
  if (bracketed) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return bad("the host lacks its closing bracket");
    host = text.substr(1, end - 1);
    const std::string_view after = text.substr(end + 1);
    has_port = !after.empty();
    if (has_port && after.front() != ':') return bad("only :port may follow the bracket of a host");
    if (has_port) port = after.substr(1);
  } else if (const size_t colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
  }
  // The root's dot names the same host (RFC 3986 §3.2.2); certificates and patterns have none.
  if (!bracketed && host.size() > 1 && host.back() == '.') host.remove_suffix(1);
  authority.host = lower(host);
  if (bracketed ? !is_ipv6(authority.host) : !is_name(host)) {
    return bad(
        "the host is malformed; a name of letters, digits, hyphens and dots, an IPv4 address, or "
        "an IPv6 address in brackets is allowed, and no user information (RFC 3986 §3.2.2)");
  }
  if (has_port) {
    const auto number = parse_port(port);
    if (!number) return bad("the port must be a number from 1 to 65535");
    authority.port = *number;
  }
  return authority;
}

Result<HostPort> parse_connect_authority(std::string_view text) {
  static constexpr std::string_view kAllowed =
      "; allowed is host:port, with a name, an IPv4 address or an IPv6 address in brackets "
      "(RFC 9112 §3.2.3)";
  const auto refused = [](std::string_view what) {
    return bad(std::string("the target of CONNECT ").append(what).append(kAllowed));
  };
  if (text.empty()) return refused("is empty");
  if (text.find('@') != std::string_view::npos) return refused("names a user");
  if (text.find("://") != std::string_view::npos) return refused("has a scheme");
  if (text.find_first_of("/?#\\") != std::string_view::npos) return refused("has a path");
  if (text.find('%') != std::string_view::npos) {
    return refused("has a percent sign, of a zone or an encoding");
  }
  if (!std::all_of(text.begin(), text.end(), is_visible)) {
    return refused("has a byte that is not visible ASCII");
  }
  auto authority = parse_authority(text);
  if (!authority) return refused("is malformed: " + authority.error().detail);
  if (authority->port == 0) return refused("has no port");
  return authority;
}

bool is_host_name(std::string_view text) { return has_labels(text) && !ends_in_number(text); }

Result<void> check_target(std::string_view target) {
  if (target.empty() || target.front() != '/') {
    return bad("the request target does not begin with a slash (RFC 9112 §3.2.1)");
  }
  const size_t question = std::min(target.find('?'), target.size());
  if (const char* fault = path_fault(target.substr(0, question))) {
    return bad(std::string("the path ") + fault);
  }
  const std::string_view query = target.substr(question);
  if (!std::all_of(query.begin(), query.end(), is_visible)) {
    return bad("the query holds a byte that is not visible ASCII (RFC 3986 §2)");
  }
  if (query.find('#') != std::string_view::npos) {
    return bad("the request target holds a fragment (RFC 9112 §3.2.1)");
  }
  return {};
}

std::string join_path(std::string_view base_path, std::string_view rest) {
  std::string out(base_path);
  const bool needs_slash = out.empty() && (rest.empty() || rest.front() != '/');
  const bool glued = !rest.empty() && rest.front() != '/' && rest.front() != '?';
  if (needs_slash || glued) out += '/';
  out += rest;
  return out;
}

std::string percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && is_hex(text[i + 1]) && is_hex(text[i + 2])) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace culvert
