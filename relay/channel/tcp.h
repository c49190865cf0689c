// A connected TCP socket as a Channel.
#pragma once

#include "relay/base/buffer.h"
#include "relay/channel/channel.h"
#include "relay/channel/fd.h"
#include "relay/channel/kernel_pipe.h"
#include "relay/channel/poll.h"

#include <memory>
#include <optional>

namespace culvert {

class TcpChannel final : public Channel, private PollSink, private Flushable {
 public:
  // watch_vanishing: while reading is paused, on_end() still tells that the peer has left. For
  // clients; an upstream that closes after its last byte has not vanished.
  TcpChannel(Loop& loop, Fd fd, bool watch_vanishing);
  ~TcpChannel() override;

  void start(ChannelSink& sink) override;
  void mute() override;
  void write(std::string_view bytes) override;
  // What only waits for the end of the event is not queued.
  size_t queued() const override {
    return (pipe_ ? pipe_->size() : 0) + (blocked_ ? out_.size() : 0);
  }
  uint64_t acknowledged() const override;
  uint64_t written() override;
  bool quiet() const override;
  void pause() override;
  void resume() override;
  void stop_watching_vanishing() override { watch_vanishing_ = false; }
  void forward_to(Channel& to) override { forward_to_ = dynamic_cast<TcpChannel*>(&to); }
  void rest() override { out_.release(); }
  void finish(Finish how) override;
  void reset_on_close() override { reset_ = true; }

 private:
  void on_ready(Ready ready) override;
  void on_out_of_memory() override;
  void read_some();
  ssize_t read_once(bool* forwarded);
  std::optional<ssize_t> splice_from(int socket);
  int drain_pipe();
  void drop_queue();
  void flush() override;
  void on_flush_out_of_memory() override { on_out_of_memory(); }
  bool hand_over(std::string_view more);
  void go_on_writing();
  void broken();
  void watch();
  void end(bool clean);
  void fail(Error error);
  void fail_errno(const char* what, int error);

  Loop& loop_;
  Fd fd_;
  ChannelSink* sink_ = nullptr;
  KernelPipes::Lent pipe_;  // what was spliced to us, before out_; null while it is nothing
  Buffer out_;  // gathered for the end of the event, or queued
  TcpChannel* forward_to_ = nullptr;
  uint64_t written_ = 0;  // 0: nobody has asked or written
  int full_reads_ = 0;  // one after the other
  int broken_ = 0;  // errno of a failed write or a reset
  bool watch_vanishing_;
  bool blocked_ = false;    // out_ waits for the kernel or the pipe before it
  bool paused_ = false;
  bool ended_ = false;      // the peer sends no more
  bool finishing_ = false;  // FIN follows the queue
  bool finished_ = false;
  bool was_high_ = false;
  bool dead_ = false;
  bool reset_ = false;
  Poll poll_;  // last: it stops before the descriptor closes
};

// What the peer's system has acknowledged of what was sent, and whether it said its end: a FIN, not
// a reset. Of any connected TCP socket.
struct TcpState {
  uint64_t acknowledged = 0;
  bool peer_finished = false;
};
TcpState tcp_state(int fd);

// Options of every connection that carries requests: TCP_NODELAY, keepalive.
void tune_socket(int fd);

}  // namespace culvert
