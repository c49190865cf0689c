// Callbacks in the order in which libcurl calls them. It is C: no exception may leave them.
#include "relay/upstream/fetch_wire.h"

#include "relay/base/limits.h"
#include "relay/upstream/fetch_records.h"

#include <charconv>
#include <cstring>
#include <new>

namespace culvert {
namespace {

FetchWire* wire_of(void* self) { return static_cast<FetchWire*>(self); }

}  // namespace

FetchWire::FetchWire(FetchLane& lane,
                     const Clock& clock,
                     std::unique_ptr<FetchRequest> request,
                     Ends ends)
    : lane_(lane), clock_(clock), request_(std::move(request)), ends_(std::move(ends)) {
  FetchRequest& r = *request_;
  r.set(CURLOPT_PRIVATE, static_cast<FetchTransfer*>(this));
  r.set(CURLOPT_HEADERFUNCTION, on_header);
  r.set(CURLOPT_HEADERDATA, this);
  r.set(CURLOPT_WRITEFUNCTION, on_body);
  r.set(CURLOPT_WRITEDATA, this);
  r.set(CURLOPT_READFUNCTION, on_upload);
  r.set(CURLOPT_READDATA, this);
  r.set(CURLOPT_PREREQFUNCTION, on_request);
  r.set(CURLOPT_PREREQDATA, this);
  r.set(CURLOPT_OPENSOCKETFUNCTION, on_open);
  r.set(CURLOPT_OPENSOCKETDATA, this);
  r.set(CURLOPT_SOCKOPTFUNCTION, on_opened);
  r.set(CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
  r.set(CURLOPT_SSL_CTX_DATA, this);
}

FetchWire::~FetchWire() {
  if (!added_) return;
  // On HTTP/2 libcurl would only reset the stream, and the connection would live on with whatever
  // of it is still on its way.
  if (!done_) request_->set(CURLOPT_FORBID_REUSE, 1L);
  lane_.remove(easy(), *this);
}

bool FetchWire::start(Fd connection) {
  connection_ = std::move(connection);
  added_ = !request_->refused() && lane_.add(easy());
  return added_;
}

void FetchWire::unpause() {
  if (done_ || !added_) return;
  const bool body = body_held_ && ends_.inbox.empty();
  const bool upload = upload_held_ && (!ends_.upload.empty() || ends_.upload_ended);
  if (!body && !upload) return;
  body_held_ = body_held_ && !body;
  upload_held_ = upload_held_ && !upload;
  const int held = (body_held_ ? CURLPAUSE_RECV : 0) | (upload_held_ ? CURLPAUSE_SEND : 0);
  curl_easy_pause(easy(), held);
}

// The connection was made here. Debian 12's libcurl connects what it is given whatever it is told
// (CURL_SOCKOPT_ALREADY_CONNECTED): the first connect(2) after one that was in progress reports its
// success on Linux, so that is harmless. More than once none is given: libcurl would use another to
// send the request again.
curl_socket_t FetchWire::on_open(void* self, curlsocktype, curl_sockaddr*) {
  FetchWire* wire = wire_of(self);
  if (wire->requested()) wire->wanted_again_ = true;
  if (!wire->connection_.valid() || wire->requested()) return CURL_SOCKET_BAD;
  try {
    return wire->lane_.adopt(std::move(wire->connection_));
  } catch (const std::bad_alloc&) {
    wire->out_of_memory_ = true;
    return CURL_SOCKET_BAD;
  }
}

int FetchWire::on_opened(void*, curl_socket_t, curlsocktype) {
  return CURL_SOCKOPT_ALREADY_CONNECTED;
}

CURLcode FetchWire::on_ssl_ctx(CURL*, void* ssl_ctx, void* self) {
  const FetchWire* wire = wire_of(self);
  wire->lane_.trust().install(ssl_ctx);
  read_by_records(ssl_ctx, wire->request_->tls_to_proxy() ? nullptr : &wire->lane_.turn());
  return CURLE_OK;
}

// The head leaves next. A second time would be libcurl's own second try.
int FetchWire::on_request(void* self, char*, char* local, int, int local_port) {
  FetchWire* wire = wire_of(self);
  if (wire->requested()) {
    wire->wanted_again_ = true;
    return CURL_PREREQFUNC_ABORT;
  }
  wire->requested_at_ = wire->clock_.now();
  wire->acknowledged_before_ = wire->lane_.claim(local, local_port, *wire).acknowledged;
  wire->ends_.ring();
  return CURL_PREREQFUNC_OK;
}

size_t FetchWire::on_upload(char* room, size_t size, size_t count, void* self) {
  return wire_of(self)->give_upload(room, size * count);
}

size_t FetchWire::give_upload(char* room, size_t size) {
  const std::string_view waiting = ends_.upload.view().substr(0, size);
  if (waiting.empty()) {
    if (ends_.upload_ended) return 0;
    upload_held_ = true;
    return CURL_READFUNC_PAUSE;
  }
  std::memcpy(room, waiting.data(), waiting.size());
  const size_t given = waiting.size();
  const bool was_high = ends_.upload.size() > limits::kLowWater;
  ends_.upload.consume(given);
  body_taken_ += given;
  if (was_high && ends_.upload.size() <= limits::kLowWater) {
    drained_ = true;
    ends_.ring();
  }
  return given;
}

size_t FetchWire::on_header(char* bytes, size_t size, size_t count, void* self) {
  try {
    return wire_of(self)->take_header({bytes, size * count});
  } catch (const std::bad_alloc&) {
    wire_of(self)->out_of_memory_ = true;
    return 0;
  }
}

// Line by line. A head of HTTP/2 is put as one of HTTP/1.1, for the one parser that reads both.
size_t FetchWire::take_header(std::string_view line) {
  if (head_over_) return line.size();  // trailers are dropped
  constexpr std::string_view kHttp2 = "HTTP/2";
  if (line.starts_with("HTTP/")) {
    status_ = 0;
    if (const size_t space = line.find(' '); space != std::string_view::npos) {
      std::from_chars(line.data() + space + 1, line.data() + line.size(), status_);
    }
  }
  if (line.starts_with(kHttp2)) {
    ends_.inbox += "HTTP/1.1";
    ends_.inbox += line.substr(kHttp2.size());
  } else {
    ends_.inbox += line;
  }
  if (line == "\r\n" || line == "\n") head_over_ = status_ >= 200;
  ends_.ring();
  // The parser has stricter bounds; this one is for what comes before it can look.
  return ends_.inbox.size() > 4 * limits::kHeadBytes ? 0 : line.size();
}

size_t FetchWire::on_body(char* bytes, size_t size, size_t count, void* self) {
  try {
    return wire_of(self)->take_body({bytes, size * count});
  } catch (const std::bad_alloc&) {
    wire_of(self)->out_of_memory_ = true;
    return 0;
  }
}

size_t FetchWire::take_body(std::string_view bytes) {
  if (!ends_.inbox.empty() && ends_.inbox.size() + bytes.size() > limits::kLowWater) {
    body_held_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  ends_.inbox += bytes;
  ends_.ring();
  return bytes.size();
}

void FetchWire::on_socket_closing(const TcpState& state) {
  unacknowledged_ = state.peer_finished && state.acknowledged == acknowledged_before_;
}

void FetchWire::on_done(CURLcode code) {
  done_ = code;
  ends_.ring();
}

}  // namespace culvert
