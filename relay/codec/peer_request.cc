// Header names of both directions stand together at the top; see peer_request.h.
#include "relay/codec/peer_request.h"

#include "relay/base/limits.h"
#include "relay/base/text.h"
#include "relay/codec/encode.h"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace culvert {
namespace {

constexpr std::string_view kPath = "Culvert-Path";
constexpr std::string_view kResolve = "Culvert-Resolve-Ms";
constexpr std::string_view kConnect = "Culvert-Connect-Ms";
constexpr std::string_view kTls = "Culvert-Tls-Ms";
constexpr std::string_view kTlsName = "Culvert-Tls-Name";  // its presence asks for TLS
constexpr std::string_view kTlsLeast = "Culvert-Tls-Least";
constexpr std::string_view kTlsTrust = "Culvert-Tls-Trust";
constexpr std::string_view kError = "Culvert-Error";
constexpr std::string_view kStage = "Culvert-Stage";
constexpr std::string_view kAgain = "Culvert-Again";
constexpr std::string_view kState = "Culvert-State";

constexpr int64_t kMillisecondsMost = 24 * 3600 * 1000;
constexpr size_t kWordsMost = 512;  // of a refusal

constexpr Code kCodes[] = {
    Code::kBadRequest,     Code::kForbidden,      Code::kOverloaded,  Code::kDraining,
    Code::kResolveFailed,  Code::kConnectFailed,  Code::kTlsFailed,   Code::kConnectTimeout,
    Code::kUpstreamClosed, Code::kNotImplemented, Code::kOutOfMemory, Code::kLoop,
};
constexpr Stage kStages[] = {Stage::kRequest, Stage::kRoute,   Stage::kLimit,
                             Stage::kResolve, Stage::kConnect, Stage::kTls};

template <class Word, size_t N>
Word word_of(const Word (&all)[N], std::optional<std::string_view> text, Word otherwise) {
  if (!text) return otherwise;
  const auto found = std::find_if(std::begin(all), std::end(all),
                                  [&](Word one) { return to_string(one) == *text; });
  return found == std::end(all) ? otherwise : *found;
}

std::string in_milliseconds(Duration duration) {
  const auto exact = std::chrono::ceil<std::chrono::milliseconds>(duration);
  return std::to_string(exact.count());
}

std::optional<Duration> milliseconds_of(const Headers& headers, std::string_view name) {
  const auto text = headers.find(name);
  if (!text) return std::nullopt;
  int64_t count = 0;
  const char* end = text->data() + text->size();
  const auto [stopped, error] = std::from_chars(text->data(), end, count);
  if (error != std::errc() || stopped != end || count < 0 || count > kMillisecondsMost) {
    return std::nullopt;
  }
  return std::chrono::milliseconds(count);
}

Error flaw(std::string detail) {
  return Error::client(Code::kBadRequest, Stage::kRequest, std::move(detail));
}

Result<Duration> time_limit(const Headers& headers, std::string_view name) {
  if (const auto limit = milliseconds_of(headers, name); limit && *limit > Duration::zero()) {
    return *limit;
  }
  return flaw(std::string(name) + " is missing or none; allowed are 1 to " +
              std::to_string(kMillisecondsMost));
}

Result<std::vector<std::string>> path_of(const Headers& headers) {
  std::vector<std::string> path;
  const std::string text = headers.joined(kPath);
  for (const std::string_view name : split_list(text)) path.emplace_back(name);
  if (path.empty()) return flaw(std::string(kPath) + " is missing; needed are the relays so far");
  if (path.size() <= limits::kPeerHops) return path;
  return Error::client(Code::kLoop, Stage::kRoute,
                       "the connection came through " + std::to_string(path.size()) +
                           " relays; allowed are " + std::to_string(limits::kPeerHops));
}

// Refusals may hold words of an upstream's certificate, say.
std::string plain(std::string_view words) {
  std::string text(words.substr(0, kWordsMost));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

std::string authority_of(const HostPort& to) {
  const bool v6 = to.host.find(':') != std::string::npos;
  return (v6 ? '[' + to.host + ']' : to.host) + ':' + std::to_string(to.port);
}

}  // namespace

std::string encode_peer_request(const PeerRequest& request) {
  const std::string authority = authority_of(request.to);
  Headers headers;
  headers.add("Host", authority);
  std::string path;
  for (const std::string& name : request.path) path += (path.empty() ? "" : ", ") + name;
  headers.add(kPath, path);
  headers.add(kResolve, in_milliseconds(request.resolve));
  headers.add(kConnect, in_milliseconds(request.connect));
  headers.add(kTls, in_milliseconds(request.tls));
  if (request.far_tls) {
    headers.add(kTlsName, request.far_tls->server_name);
    headers.add(kTlsLeast, request.far_tls->tls13_only ? "1.3" : "1.2");
    headers.add(kTlsTrust, request.far_tls->upstream);
  }
  return encode_request_head("CONNECT", authority, headers);
}

Result<PeerRequest> read_peer_request(const RequestHead& head) {
  PeerRequest request;
  request.to = CULVERT_TRY(parse_connect_authority(head.target));
  request.path = CULVERT_TRY(path_of(head.headers));
  request.resolve = CULVERT_TRY(time_limit(head.headers, kResolve));
  request.connect = CULVERT_TRY(time_limit(head.headers, kConnect));
  request.tls = CULVERT_TRY(time_limit(head.headers, kTls));
  const auto name = head.headers.find(kTlsName);
  if (!name) return request;
  if (name->empty()) return flaw(std::string(kTlsName) + " is empty; needed is a host name");
  const std::string least = head.headers.joined(kTlsLeast);
  if (least != "1.2" && least != "1.3") {
    return flaw(std::string(kTlsLeast) + " is neither; allowed are 1.2 and 1.3");
  }
  request.far_tls = PeerTls{std::string(*name), least == "1.3", head.headers.joined(kTlsTrust)};
  return request;
}

std::string encode_peer_answer(const PeerAnswer& answer) {
  Headers headers;
  headers.add(kResolve, in_milliseconds(answer.resolve));
  headers.add(kConnect, in_milliseconds(answer.connect));
  headers.add(kTls, in_milliseconds(answer.tls));
  return encode_response_head(200, "Connection established", headers);
}

PeerAnswer read_peer_answer(const ResponseHead& head) {
  return {milliseconds_of(head.headers, kResolve).value_or(Duration::zero()),
          milliseconds_of(head.headers, kConnect).value_or(Duration::zero()),
          milliseconds_of(head.headers, kTls).value_or(Duration::zero())};
}

std::string encode_peer_refusal(const Error& error) {
  const std::string words = plain(error.detail);
  Headers headers;
  headers.add(kError, to_string(error.code));
  headers.add(kStage, to_string(error.stage));
  // A certificate that was refused will be refused again.
  headers.add(kAgain, error.retry == Retry::kNever ? "no" : "yes");
  headers.add("Content-Type", "text/plain; charset=utf-8");
  headers.add("Content-Length", std::to_string(words.size()));
  return encode_response_head(http_status(error.code), {}, headers) + words;
}

Error read_peer_refusal(const ResponseHead& head, std::string_view words) {
  const Code code = word_of(kCodes, head.headers.find(kError), Code::kBadAnswer);
  const Stage stage = word_of(kStages, head.headers.find(kStage), Stage::kConnect);
  const bool again = head.headers.joined(kAgain) != "no";
  return Error::upstream(code, stage, again ? Retry::kOtherUpstream : Retry::kNever, plain(words));
}

bool is_about_relay(const Error& refusal) {
  return refusal.code == Code::kDraining || refusal.code == Code::kOverloaded ||
         refusal.code == Code::kOutOfMemory || refusal.code == Code::kBadAnswer;
}

std::string encode_peer_check() {
  Headers headers;
  headers.add("Host", "culvert");
  return encode_request_head("OPTIONS", "*", headers);
}

std::string encode_peer_state(bool draining) {
  Headers headers;
  headers.add(kState, draining ? "draining" : "serving");
  return encode_response_head(204, {}, headers);
}

bool says_draining(const ResponseHead& head) { return head.headers.joined(kState) == "draining"; }

}  // namespace culvert
