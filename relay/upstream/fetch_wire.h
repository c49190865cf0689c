// What libcurl calls during one transfer, and what it left behind there. Bytes are only moved:
// nothing here calls anybody, but for the note that there is something to tell.
#pragma once

#include "relay/base/buffer.h"
#include "relay/upstream/fetch_lane.h"
#include "relay/upstream/fetch_request.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace culvert {

class FetchWire final : private FetchTransfer {
 public:
  // The transfer's two queues and its bell are its exchange's.
  struct Ends {
    Buffer& upload;
    const bool& upload_ended;
    std::string& inbox;
    std::function<void()> ring;
  };

  FetchWire(FetchLane& lane, const Clock& clock, std::unique_ptr<FetchRequest> request, Ends ends);
  FetchWire(const FetchWire&) = delete;
  FetchWire& operator=(const FetchWire&) = delete;
  ~FetchWire() override;  // cancels: a connection whose exchange was not over closes

  // connection: a new one; without, one that lies idle or none.
  bool start(Fd connection);
  // Goes on with what was held back and can move now. Never from inside libcurl.
  void unpause();
  void spoil() { lane_.spoil(*this); }  // the connection is not fit for another exchange

  CURL* easy() const { return request_->easy(); }
  bool requested() const { return requested_at_.has_value(); }  // the request began to leave
  Instant requested_at() const { return *requested_at_; }
  const std::optional<CURLcode>& done() const { return done_; }
  uint64_t body_taken() const { return body_taken_; }
  bool take_drained() { return std::exchange(drained_, false); }
  bool out_of_memory() const { return out_of_memory_; }
  // libcurl wanted to send the request once more, which it was not let.
  bool wanted_again() const { return wanted_again_; }
  // The peer said its end without having acknowledged anything of the request.
  bool unacknowledged() const { return unacknowledged_; }

 private:
  static size_t on_header(char* bytes, size_t size, size_t count, void* self);
  static size_t on_body(char* bytes, size_t size, size_t count, void* self);
  static size_t on_upload(char* room, size_t size, size_t count, void* self);
  static int on_request(void* self, char* peer, char* local, int peer_port, int local_port);
  static curl_socket_t on_open(void* self, curlsocktype purpose, curl_sockaddr* address);
  static int on_opened(void* self, curl_socket_t fd, curlsocktype purpose);
  static CURLcode on_ssl_ctx(CURL* easy, void* ssl_ctx, void* self);
  void on_done(CURLcode code) override;
  void on_socket_closing(const TcpState& state) override;
  size_t take_header(std::string_view line);
  size_t take_body(std::string_view bytes);
  size_t give_upload(char* room, size_t size);

  FetchLane& lane_;
  const Clock& clock_;
  std::unique_ptr<FetchRequest> request_;
  Ends ends_;
  Fd connection_;
  bool added_ = false;
  std::optional<Instant> requested_at_;
  std::optional<CURLcode> done_;
  uint64_t acknowledged_before_ = 0;
  uint64_t body_taken_ = 0;
  int status_ = 0;          // of the head that is being read
  bool head_over_ = false;  // of the final answer: what fields follow are trailers
  bool body_held_ = false;
  bool upload_held_ = false;
  bool drained_ = false;
  bool out_of_memory_ = false;
  bool wanted_again_ = false;
  bool unacknowledged_ = false;
};

}  // namespace culvert
