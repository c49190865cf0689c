// The path is taken apart from its front: token, mount point, alias. Segments are compared raw, so
// that an encoded slash stays inside its segment.
#include "relay/route/target.h"

#include "relay/base/text.h"

#include <algorithm>
#include <array>

namespace culvert {
namespace {

constexpr std::string_view kGeminiAlias = "gemini";

struct Split {
  std::string_view segment;
  std::string_view rest;  // "", "/…" or "?…"
};

// path begins with "/".
Split first_segment(std::string_view path) {
  path.remove_prefix(1);
  const auto end = std::min(path.find_first_of("/?"), path.size());
  return {path.substr(0, end), path.substr(end)};
}

std::string_view without_query(std::string_view target) {
  return target.substr(0, target.find('?'));
}

std::optional<Place> own_page(std::string_view path) {
  if (path == "/") return Place::kStatus;
  if (path == "/healthz") return Place::kHealth;
  if (path == "/readyz") return Place::kReady;
  if (path == "/.well-known/culvert") return Place::kWellKnown;
  return std::nullopt;
}

bool gemini_form(std::string_view path) {
  if (path.starts_with("/v1beta/")) return true;
  return path.starts_with("/v1/models/") && path.find(':') != std::string_view::npos;
}

const Upstream* alias_of(const Snapshot& snapshot, std::string_view segment) {
  return segment.empty() ? nullptr : snapshot.upstream(lower(segment));
}

// `scheme` is the segment without its colon; `rest` begins after it.
Result<void> generic_target(std::string_view scheme,
                            bool colon,
                            std::string_view rest,
                            Where* where) {
  if (scheme == "ws" || scheme == "wss") {
    return Error::client(Code::kNotImplemented, Stage::kRoute,
                         "WebSocket targets are not carried by this version");
  }
  // "/https/host/…", "/https://host/…" and "/https:/host/…" (some clients fold slashes).
  if (rest.starts_with('/')) rest.remove_prefix(1);
  if (colon && rest.starts_with('/')) rest.remove_prefix(1);
  const auto end = std::min(rest.find_first_of("/?"), rest.size());
  auto authority = parse_authority(rest.substr(0, end));
  if (!authority) {
    return Error::client(Code::kBadRequest, Stage::kRoute,
                         "the generic target names no valid host[:port]");
  }
  where->url.scheme = scheme;
  where->url.host = lower(authority->host);
  where->url.port = authority->port != 0 ? authority->port : (scheme == "https" ? 443 : 80);
  where->rest = rest.substr(end);
  where->place = Place::kGeneric;
  return {};
}

Result<void> authenticated_generic(Split head, Where* where) {
  std::string scheme = lower(head.segment);
  const bool colon = scheme.ends_with(':');
  if (colon) scheme.pop_back();
  static constexpr std::array<std::string_view, 4> kSchemes = {"http", "https", "ws", "wss"};
  if (std::find(kSchemes.begin(), kSchemes.end(), scheme) == kSchemes.end()) return {};
  return generic_target(scheme, colon, head.rest, where);
}

}  // namespace

Result<Where> locate(std::string_view target, const Snapshot& snapshot, const TokenCheck& tokens) {
  Where where;
  if (const auto page = own_page(without_query(target))) {
    where.place = *page;
    return where;
  }
  Split head = first_segment(target);
  if (tokens.is_token(head.segment) || tokens.is_token(percent_decode(head.segment))) {
    where.token_in_path = true;
    target = head.rest.starts_with('/') ? head.rest : std::string_view("/");
    if (const auto page = own_page(without_query(target))) {
      where.place = *page;
      return where;
    }
    head = first_segment(target);
  }
  where.path = target;
  where.model = model_in_path(without_query(target));
  const std::string mount = lower(head.segment);
  if ((mount == "api" || mount == "gateway") && head.rest.starts_with('/') &&
      alias_of(snapshot, mount) == nullptr) {
    const Split next = first_segment(head.rest);
    if (alias_of(snapshot, next.segment) != nullptr) head = next;
  }
  if (const Upstream* upstream = alias_of(snapshot, head.segment)) {
    where.place = Place::kPreset;
    where.alias = upstream->name;
    where.rest = head.rest;
    return where;
  }
  if (where.token_in_path) {
    CULVERT_CHECK(authenticated_generic(head, &where));
    if (where.place == Place::kGeneric) return where;
  }
  if (gemini_form(target) && snapshot.upstream(kGeminiAlias) != nullptr) {
    where.place = Place::kGemini;
    where.alias = kGeminiAlias;
    where.rest = target;
  }
  return where;
}

std::string model_in_path(std::string_view path) {
  for (const std::string_view marker : {"/models/", "/tunedModels/"}) {
    const auto found = path.find(marker);
    if (found == std::string_view::npos) continue;
    std::string_view model = path.substr(found + marker.size());
    model = model.substr(0, model.find_first_of(":/"));
    return percent_decode(model);
  }
  return {};
}

std::optional<std::string> query_value(std::string_view target, std::string_view name) {
  const auto begin = target.find('?');
  if (begin == std::string_view::npos) return std::nullopt;
  for (const std::string_view pair : split_list(target.substr(begin + 1), '&')) {
    const auto equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) != name) continue;
    return percent_decode(pair.substr(std::min(equals + 1, pair.size())));
  }
  return std::nullopt;
}

std::string without_query_pair(std::string_view target, std::string_view name) {
  const auto begin = target.find('?');
  if (begin == std::string_view::npos) return std::string(target);
  std::string out(target.substr(0, begin));
  std::string_view query = target.substr(begin + 1);
  char separator = '?';
  while (true) {
    const auto end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    if (pair.substr(0, std::min(pair.find('='), pair.size())) != name) {
      out += separator;
      out += pair;
      separator = '&';
    }
    if (end == query.size()) return out;
    query.remove_prefix(end + 1);
  }
}

}  // namespace culvert
