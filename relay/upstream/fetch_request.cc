// Options in groups, in the order in which a request is made.
#include "relay/upstream/fetch_request.h"

#include "relay/base/limits.h"
#include "relay/base/text.h"

#include <fmt/format.h>

#include <charconv>

namespace culvert {
namespace {

// libcurl is given connected sockets. It still wants an address to believe that it connects to; one
// in digits spares it the asking.
constexpr const char* kAnyAddress = "127.0.0.1";

long milliseconds_of(Duration duration) {
  return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

std::string in_url(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

const char* scheme_of(EgressProxy::Kind kind) {
  switch (kind) {
    case EgressProxy::Kind::kHttp:
      return "http";
    case EgressProxy::Kind::kHttps:
      return "https";
    case EgressProxy::Kind::kSocks5:
      return "socks5";
    case EgressProxy::Kind::kSocks5Names:
      return "socks5h";
  }
  return "";
}

// Cuts the text before the mark off the front, and the mark.
std::string_view take_until(std::string_view* text, std::string_view mark) {
  const size_t at = text->find(mark);
  const std::string_view taken = text->substr(0, at);
  text->remove_prefix(at == std::string_view::npos ? text->size() : at + mark.size());
  return taken;
}

// So that a body cannot be sent again behind our back: libcurl would rewind it for another try.
int never_rewind(void* /*unused*/, curl_off_t /*offset*/, int /*origin*/) {
  return CURL_SEEKFUNC_FAIL;
}

}  // namespace

Result<std::unique_ptr<FetchRequest>> FetchRequest::make(const ExchangePlan& plan,
                                                         const FetchRoute& route) {
  std::unique_ptr<FetchRequest> request(new FetchRequest);
  request->easy_ = curl_easy_init();
  if (request->easy_ == nullptr) {
    return Error::ours(Code::kOutOfMemory, Stage::kConnect, "out of memory");
  }
  request->set_basics();
  CULVERT_CHECK(request->set_head(plan));
  if (plan.connect.tls) request->set_tls(plan.connect);
  request->set_route(plan.connect, route);
  if (request->refused_) {
    return Error::ours(Code::kInternal, Stage::kConnect, "libcurl refused an option");
  }
  return request;
}

FetchRequest::~FetchRequest() {
  curl_easy_cleanup(easy_);
  curl_slist_free_all(fields_);
  curl_slist_free_all(connect_to_);
  curl_slist_free_all(resolved_);
}

void FetchRequest::add(curl_slist** list, const std::string& line) {
  curl_slist* longer = curl_slist_append(*list, line.c_str());
  if (longer == nullptr) {
    refused_ = true;
  } else {
    *list = longer;
  }
}

void FetchRequest::set_basics() {
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PATH_AS_IS, 1L);
  // Framing and codings come as they are on the wire: the relay's own parser reads them.
  set(CURLOPT_HTTP_TRANSFER_DECODING, 0L);
  set(CURLOPT_HTTP_CONTENT_DECODING, 0L);
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_SEEKFUNCTION, never_rewind);
  // The environment's proxies are for other programs: unset options would ask it.
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOPROXY, "");
  set(CURLOPT_MAXAGE_CONN, static_cast<long>(limits::kPooledIdleTimeout.count()));
}

Result<void> FetchRequest::set_head(const ExchangePlan& plan) {
  std::string_view rest = plan.head;
  std::string_view line = take_until(&rest, "\r\n");
  method_ = std::string(take_until(&line, " "));
  const std::string target(take_until(&line, " "));
  if (line != "HTTP/1.1") {
    return Error::ours(Code::kInternal, Stage::kSend, "the request's head is not one");
  }
  set(CURLOPT_CUSTOMREQUEST, method_.c_str());
  set(CURLOPT_REQUEST_TARGET, target.c_str());
  std::string_view length;
  bool accept = false;
  for (line = take_until(&rest, "\r\n"); !line.empty(); line = take_until(&rest, "\r\n")) {
    const size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    if (equal_ignoring_case(name, "content-length")) length = trim(line.substr(colon + 1));
    accept = accept || equal_ignoring_case(name, "accept");
    // libcurl's way to say that a field has no value; with a colon it would leave it out.
    const bool empty = colon + 1 == line.size();
    add(&fields_, empty ? std::string(name) + ";" : std::string(line));
  }
  if (!accept) add(&fields_, "Accept:");
  add(&fields_, "Expect:");
  set(CURLOPT_HTTPHEADER, fields_);
  set(CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));  // not to proxies: they hold keys
  set_body(plan, length);
  return {};
}

void FetchRequest::set_body(const ExchangePlan& plan, std::string_view length) {
  uint64_t size = 0;
  std::from_chars(length.data(), length.data() + length.size(), size);
  sends_body_ = plan.options.chunked_body || size > 0;
  if (plan.options.head_request) {
    set(CURLOPT_NOBODY, 1L);
  } else if (!sends_body_) {
    set(CURLOPT_HTTPGET, 1L);
  } else {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_INFILESIZE_LARGE,
        plan.options.chunked_body ? curl_off_t{-1} : static_cast<curl_off_t>(size));
  }
}

// The host of the URL is what the certificate must name; where the connection goes is said apart.
void FetchRequest::set_tls(const ConnectPlan& plan) {
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  set(CURLOPT_SSLVERSION,
      static_cast<long>(plan.tls13_only ? CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_PROXY_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
}

void FetchRequest::set_route(const ConnectPlan& plan, const FetchRoute& route) {
  const std::string& named = plan.tls ? plan.server_name : plan.host;
  set(CURLOPT_URL,
      fmt::format("{}://{}:{}/", plan.tls ? "https" : "http", in_url(named), plan.port).c_str());
  if (!plan.tls) set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  // Trust comes by a callback; the system's own store must not stand beside it.
  for (const CURLoption store :
       {CURLOPT_CAINFO, CURLOPT_CAPATH, CURLOPT_PROXY_CAINFO, CURLOPT_PROXY_CAPATH}) {
    set(store, static_cast<const char*>(nullptr));
  }
  set(CURLOPT_CA_CACHE_TIMEOUT, 0L);
  set(CURLOPT_FRESH_CONNECT, route.fresh ? 1L : 0L);
  // Legs before it have timers of their own; libcurl's, for the whole, stays behind them.
  set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds_of(plan.tls_timeout) + 5000L);
  std::string to = kAnyAddress;
  if (route.proxy != nullptr) {
    to = plan.host;
    set_proxy(*route.proxy);
    if (route.target) resolve(plan.host, plan.port, route.target->text());
  }
  add(&connect_to_, fmt::format("::{}:{}", in_url(to), plan.port));
  set(CURLOPT_CONNECT_TO, connect_to_);
}

void FetchRequest::set_proxy(const EgressProxy& proxy) {
  set(CURLOPT_PROXY,
      fmt::format("{}://{}:{}", scheme_of(proxy.kind), in_url(proxy.host), proxy.port).c_str());
  set(CURLOPT_HTTPPROXYTUNNEL, 1L);
  tls_to_proxy_ = proxy.kind == EgressProxy::Kind::kHttps;
  // Records of TLS within TLS are not held apart, and streams of HTTP/2 need that (fetch_records).
  if (tls_to_proxy_) set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_PROXYAUTH, static_cast<long>(CURLAUTH_BASIC));
  set(CURLOPT_SOCKS5_AUTH, static_cast<long>(CURLAUTH_BASIC));
  if (proxy.authenticates) {
    set(CURLOPT_PROXYUSERNAME, proxy.user.c_str());
    set(CURLOPT_PROXYPASSWORD, std::string(proxy.password.reveal()).c_str());
  }
  resolve(proxy.host, proxy.port, kAnyAddress);
}

// The answer that libcurl would get if it asked.
void FetchRequest::resolve(const std::string& host, uint16_t port, const std::string& address) {
  if (Address::parse(host)) return;
  add(&resolved_, fmt::format("{}:{}:{}", host, port, in_url(address)));
  set(CURLOPT_RESOLVE, resolved_);
}

}  // namespace culvert
