// Local pages, and small words that several steps of a request share.
#include "relay/flow/pages.h"

#include "relay/base/json_writer.h"
#include "relay/base/text.h"
#include "relay/base/version.h"
#include "relay/flow/status_page.h"
#include "relay/gate/credentials.h"

namespace culvert {
namespace {

bool wants_html(const Headers& headers) {
  const auto accept = headers.find("accept");
  return accept && accept->find("text/html") != std::string::npos;
}

// With a token of the relay's own configuration: tenants are told what strangers are.
bool asks_an_operator(const RequestHead& request, const Table& table) {
  const Credentials who =
      read_credentials(request.headers, request.target, nullptr, {}, table.tokens());
  return who.authenticated && !who.fault && who.token_id.empty();
}

LocalAnswer status_page(const RequestHead& request,
                        std::string_view id,
                        const WorkerServices& services) {
  const Snapshot& snapshot = services.table->snapshot();
  const StatusFacts facts{
      .version = std::string(kVersion),
      .region = snapshot.settings.region,
      .ready = services.process.takes_traffic(),
      .uptime_s = seconds(services.clock.wall() - services.process.started),
      .now = services.clock.wall(),
      .upstreams = health_facts(*services.table),
      .details = asks_an_operator(request, *services.table)};
  if (!wants_html(request.headers)) {
    return text_answer(200, "application/json", status_json(snapshot, facts), id);
  }
  LocalAnswer page = text_answer(200, "text/html; charset=utf-8", status_html(snapshot, facts), id);
  page.head.headers.add("Content-Security-Policy",
                        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
  page.head.headers.add("X-Content-Type-Options", "nosniff");
  page.head.headers.add("Referrer-Policy", "no-referrer");
  page.head.headers.add("Vary", "Accept");
  return page;
}

LocalAnswer readiness(std::string_view id, const WorkerServices& services) {
  const bool ready = services.process.takes_traffic();
  const char* word = ready                          ? "ready\n"
                     : services.process.ready.load() ? "draining\n"
                                                     : "waiting\n";
  LocalAnswer answer = text_answer(ready ? 200 : 503, "text/plain; charset=utf-8", word, id);
  if (!ready) answer.head.headers.add("Retry-After", "5");
  return answer;
}

LocalAnswer well_known(std::string_view id, const WorkerServices& services) {
  JsonWriter json;
  json.begin_object();
  json.field("region", services.table->settings().region).field("version", kVersion);
  json.key("siblings").begin_array().end_array().end_object();
  return text_answer(200, "application/json", json.take(), id);
}

}  // namespace

LocalAnswer method_refused(const RequestHead& request,
                           std::string_view id,
                           const WorkerServices& services) {
  LocalAnswer answer = error_answer(
      Error::client(Code::kMethodNotAllowed, Stage::kRoute, "this page is read with GET"),
      Dialect::kOpaque, id, services.clock.wall());
  answer.head.headers.add("Allow", "GET, HEAD");
  answer.head.close = request.framing != BodyFraming::kNone;
  return answer;
}

std::optional<LocalAnswer> local_page(Place place,
                                      const RequestHead& request,
                                      std::string_view id,
                                      const WorkerServices& services) {
  const bool own = place == Place::kStatus || place == Place::kHealth || place == Place::kReady ||
                   place == Place::kWellKnown;
  if (!own) return std::nullopt;
  if (request.method != "GET" && request.method != "HEAD") {
    return method_refused(request, id, services);
  }
  switch (place) {
    case Place::kStatus:
      return status_page(request, id, services);
    case Place::kHealth:
      return text_answer(200, "text/plain; charset=utf-8", "ok\n", id);
    case Place::kReady:
      return readiness(id, services);
    default:
      return well_known(id, services);
  }
}

LocalAnswer options_answer(std::string_view id) {
  LocalAnswer answer = text_answer(204, "text/plain", {}, id);
  answer.head.headers.erase("Content-Type");
  answer.head.headers.add("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  answer.head.body = AnswerHead::Body::kNone;
  return answer;
}

std::string_view mode_of(Place place) {
  switch (place) {
    case Place::kPreset:
      return "preset";
    case Place::kGeneric:
      return "generic";
    case Place::kGemini:
      return "gemini";
    default:  // also where the path leads nowhere: the relay answers that itself
      return "local";
  }
}

std::string loggable_path(std::string path, Dialect dialect) {
  constexpr size_t kLongestPlainSegment = 32;
  path.resize(std::min(path.find('?'), path.size()));
  if (dialect != Dialect::kOpaque) return path;
  std::string out;
  std::string_view rest = path;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('/', 1), rest.size());
    const std::string_view segment = rest.substr(0, end);  // with its slash
    const bool bot = segment.starts_with("/bot") && segment.find(':') != std::string_view::npos;
    if (bot || segment.size() > kLongestPlainSegment) {
      out += '/' + mask(segment.substr(1));
    } else {
      out += segment;
    }
    rest.remove_prefix(end);
  }
  return out;
}

std::string logged_address(const Address& address, ClientAddressLogging how) {
  switch (how) {
    case ClientAddressLogging::kNone:
      return {};
    case ClientAddressLogging::kTruncated:
      return address.truncated(address.is_v4() ? 24 : 48).text();
    case ClientAddressLogging::kFull:
      return address.text();
  }
  return {};
}

}  // namespace culvert
