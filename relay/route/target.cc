// The path is taken apart from its front: token, mount point, alias. Segments are compared raw, so
// that an encoded slash stays inside its segment.
#include "relay/route/target.h"

#include "relay/base/text.h"
#include "relay/base/url.h"
#include "relay/codec/find_either.h"

#include <algorithm>
#include <array>
#include <optional>

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
  const size_t end = find_either(path, '/', '?');
  return {path.substr(0, end), path.substr(end)};
}

std::string_view without_query(std::string_view target) {
  return target.substr(0, target.find('?'));
}

Place own_page(std::string_view path) {
  if (path == "/") return Place::kStatus;
  if (path == "/healthz") return Place::kHealth;
  if (path == "/readyz") return Place::kReady;
  if (path == "/.well-known/culvert") return Place::kWellKnown;
  if (path == "/verify") return Place::kVerify;
  if (path.starts_with(kStreamsPath)) return Place::kStream;
  return Place::kUnknown;
}

// A page of the relay, or kUnknown.
void find_own_page(Where* where) {
  const std::string_view path = without_query(where->path);
  where->place = own_page(path);
  if (where->place == Place::kStream) where->rest = path.substr(kStreamsPath.size());
}

// "/v1/models/{m}:{method}" is Gemini's only with its method: without one it is anybody's list.
bool is_method_of_model(std::string_view path) {
  static constexpr std::string_view kModels = "/v1/models/";
  if (!path.starts_with(kModels)) return false;
  const std::string_view rest = path.substr(kModels.size());
  return percent_decode(rest).find(':') != std::string::npos;
}

bool is_gemini_form(std::string_view path) {
  // Uploads of the Files API begin at the same host (Gemini API reference: media.upload).
  // The Live API's path names its service (Gemini API reference: BidiGenerateContent).
  static constexpr std::array<std::string_view, 4> kRoots = {
      "/v1beta/", "/v1alpha/", "/upload/v1beta/", "/ws/google.ai.generativelanguage."};
  return is_method_of_model(path) ||
         std::any_of(kRoots.begin(), kRoots.end(),
                     [&](std::string_view root) { return path.starts_with(root); });
}

const Upstream* alias_of(const Snapshot& snapshot, std::string_view segment) {
  return segment.empty() ? nullptr : snapshot.upstream(lower(segment));
}

// The token that the segment is, raw or percent-decoded; empty where it is none.
Secret token_in(std::string_view segment, const TokenCheck& tokens) {
  if (segment.empty()) return {};
  if (tokens.is_token(segment)) return Secret(segment);
  if (segment.find('%') == std::string_view::npos) return {};
  const Secret decoded(percent_decode(segment));
  return tokens.is_token(decoded.reveal()) ? decoded : Secret();
}

// The alias at the front, also behind the mount points that other relays use. An upstream that is
// itself called `api` or `gateway` comes first.
const Upstream* preset(std::string_view target, const Snapshot& snapshot, std::string_view* rest) {
  Split head = first_segment(target);
  const Upstream* upstream = alias_of(snapshot, head.segment);
  const auto is_mount = [&head](std::string_view name) {
    return equal_ignoring_case(head.segment, name);
  };
  if (upstream == nullptr && (is_mount("api") || is_mount("gateway")) &&
      head.rest.starts_with('/')) {
    head = first_segment(head.rest);
    upstream = alias_of(snapshot, head.segment);
  }
  *rest = head.rest;
  return upstream;
}

// "https", "http", "ws" or "wss" where the segment is a scheme, with or without its colon.
std::optional<std::string> scheme_of(std::string_view segment) {
  static constexpr std::array<std::string_view, 4> kSchemes = {"http", "https", "ws", "wss"};
  std::string scheme = lower(segment);
  if (scheme.ends_with(':')) scheme.pop_back();
  if (std::find(kSchemes.begin(), kSchemes.end(), scheme) == kSchemes.end()) return std::nullopt;
  return scheme;
}

// "/https/host/…", "/https://host/…", and "/https:/host/…" of clients that fold slashes.
Result<void> find_generic(const std::string& scheme, const Split& head, Where* where) {
  std::string_view rest = head.rest;
  if (rest.starts_with('/')) rest.remove_prefix(1);
  if (head.segment.ends_with(':') && rest.starts_with('/')) rest.remove_prefix(1);
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  const auto authority = parse_authority(rest.substr(0, end));
  if (!authority) {
    return Error::client(Code::kBadRequest, Stage::kRoute,
                         "the path names no valid host[:port] after its scheme");
  }
  where->place = Place::kGeneric;
  // What is upgraded is HTTP, and may share its connections.
  const bool tls = scheme == "https" || scheme == "wss";
  where->ws_only = scheme.starts_with("ws");
  where->url.scheme = tls ? "https" : "http";
  where->url.host = lower(authority->host);
  where->url.port = authority->port != 0 ? authority->port : (tls ? 443 : 80);
  where->rest = rest.substr(end);
  return {};
}

}  // namespace

Result<Where> locate(std::string_view target, const Snapshot& snapshot, const TokenCheck& tokens) {
  Where where;
  where.path = target;
  find_own_page(&where);
  if (where.place != Place::kUnknown) return where;
  const Split front = first_segment(target);
  where.token = token_in(front.segment, tokens);
  if (!where.token.empty()) {
    where.token_in_path = true;
    where.path = front.rest;
    if (!front.rest.starts_with('/')) where.path.insert(0, 1, '/');
    find_own_page(&where);
    if (where.place != Place::kUnknown) return where;
  }
  const std::string_view path = where.path;
  where.model = model_in_path(path);
  std::string_view rest;
  if (const Upstream* upstream = preset(path, snapshot, &rest)) {
    where.place = Place::kPreset;
    where.alias = upstream->name;
    where.rest = rest;
    return where;
  }
  const Split head = first_segment(path);
  // Before the generic form: the Live API's path begins like one.
  if (is_gemini_form(without_query(path)) && snapshot.upstream(kGeminiAlias) != nullptr) {
    where.place = Place::kGemini;
    where.alias = kGeminiAlias;
    where.rest = path;
  } else if (where.token_in_path) {
    const auto scheme = scheme_of(head.segment);
    if (scheme) CULVERT_CHECK(find_generic(*scheme, head, &where));
  }
  return where;
}

}  // namespace culvert
