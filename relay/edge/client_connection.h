// One client's connection: TLS or not, one request after the other, keep-alive, and the client's
// timers. Owned by the worker; each request gets a session.
#pragma once

#include "relay/channel/tls_channel.h"
#include "relay/codec/request_parser.h"
#include "relay/flow/client_side.h"
#include "relay/flow/session.h"
#include "relay/gate/client_limits.h"

#include <memory>
#include <string>

namespace culvert {

class ClientConnection;

// What a connection needs of its worker.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  virtual void connection_over(ClientConnection& connection) = 0;  // retires it
};

struct ClientConnectionOptions {
  Address peer;
  bool secure = false;
  bool refuse = false;  // over the limit of connections: answers 503 and closes
};

class ClientConnection final : public Retirable,
                               public ClientSide,
                               private ChannelSink,
                               private TlsReadySink {
 public:
  ClientConnection(ConnectionOwner& owner,
                   WorkerServices& services,
                   ClientConnectionOptions options,
                   ConnectionTicket ticket);
  ~ClientConnection() override;

  // The channel's TLS part calls back to this object, so it comes after construction.
  void start(std::unique_ptr<Channel> channel);
  TlsReadySink& tls_ready_sink() { return *this; }

  // No request after the current one; an idle connection ends at once, one that has just come after
  // its first request or a short time.
  void drain();
  // Ends now, whatever runs.
  void kill();
  bool busy() const { return session_ != nullptr; }

  // ClientSide
  const Address& peer() const override { return options_.peer; }
  bool secure() const override { return options_.secure; }
  void send_continue() override;
  void send_interim(int status, const Headers& headers) override;
  void send_head(AnswerHead&& head) override;
  void send_body(std::string_view bytes) override;
  void send_end(const Headers& trailers) override;
  void cut() override;
  ClientTunnel become_tunnel(int status, std::string_view reason, Headers headers) override;
  size_t queued() const override { return channel_ == nullptr ? 0 : channel_->queued(); }
  void pause_body() override;
  void resume_body() override;
  void session_over() override;

 private:
  enum class Phase : uint8_t {
    kHandshake,  // TLS
    kIdle,       // between requests
    kHead,       // a request's head is arriving
    kRequest,    // a session runs
    kTunnel,     // the session has the channel
    kClosing,    // what is queued goes out, then the connection ends
  };

  // ChannelSink
  void on_bytes(std::string_view bytes) override;
  void on_end(bool clean) override;
  void on_drained() override;
  void on_failed(Error error) override;
  void on_tls_ready() override;

  void wait_for_request(Duration most);
  void parse(std::string_view bytes);
  void parse_held();
  void handle(const HttpEvent& event);
  void begin_request();
  void next_request();
  void refuse_bytes(Error error);
  void client_gone();
  void close_after_flush(Channel::Finish how);
  void expired();
  void rest();
  void watch_writes();
  void write_expired();
  void over();
  const Settings& settings() const;

  ConnectionOwner& owner_;
  WorkerServices& services_;
  ClientConnectionOptions options_;
  ConnectionTicket ticket_;
  std::unique_ptr<Channel> channel_;
  RequestParser parser_;
  std::unique_ptr<Session> session_;
  std::string held_;  // bytes after the current request
  Phase phase_ = Phase::kHandshake;
  AnswerHead::Body body_kind_ = AnswerHead::Body::kNone;
  bool fresh_ = true;     // no request yet
  bool crowded_ = false;  // too many answers wait to be read; no request is read meanwhile
  bool http10_ = false;
  bool head_request_ = false;
  bool request_whole_ = false;  // its end was read
  bool drainable_ = false;      // what is left of its body may be read and dropped
  bool keep_alive_ = false;
  bool draining_ = false;
  bool head_sent_ = false;
  bool until_close_ = false;  // the answer's body ends with the connection
  bool answer_over_ = false;
  bool body_paused_ = false;
  bool continue_sent_ = false;
  bool over_ = false;
  uint64_t acknowledged_ = 0;  // at the last look of the write timer
  Duration idle_left_{};       // of waiting for a request, once the channel rests
  Timer timer_;                // handshake, head, body, rest, keep-alive, lingering
  Timer write_timer_;          // a reader that takes nothing
  Timer again_;                // parses held bytes outside of whoever made them parseable
};

}  // namespace culvert
