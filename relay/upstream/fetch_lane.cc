// libcurl's sockets and its one timer on the loop (CURLMOPT_SOCKETFUNCTION,
// CURLMOPT_TIMERFUNCTION). Sockets are ours from adopt() to on_close(), so that none is watched
// after it closed.
#include "relay/upstream/fetch_lane.h"

#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/channel/listener.h"
#include "relay/channel/poll.h"
#include "relay/channel/tcp.h"

#include <sys/socket.h>

#include <new>

namespace culvert {

class FetchLane::Socket final : public Retirable, private PollSink {
 public:
  Socket(FetchLane& lane, Fd fd)
      : lane_(lane),
        fd_(std::move(fd)),
        local_(bound_address(fd_.get())),
        poll_(std::make_unique<Poll>(lane.loop_, fd_.get(), static_cast<PollSink&>(*this))) {}

  void watch(int interest) { poll_->watch(wanted_ = interest); }
  bool is(const Address& address, int port) const {
    return local_ && local_->port == port && local_->address == address;
  }
  // The poll ends first: ended later, it would take the descriptor out of the loop under its new
  // owner.
  void close() {
    poll_.reset();
    fd_.reset();
  }
  int fd() const { return fd_.get(); }

  FetchTransfer* user = nullptr;

 private:
  void on_ready(Ready ready) override {
    int events = 0;
    if (ready.readable) events |= CURL_CSELECT_IN;
    if (ready.writable) events |= CURL_CSELECT_OUT;
    // libuv stopped watching. What came before the error is still there to be read, and then the
    // error: told of it (CURL_CSELECT_ERR), libcurl would look at neither.
    if (ready.failed) {
      events |= CURL_CSELECT_IN | CURL_CSELECT_OUT;
      poll_->watch(wanted_);
    }
    lane_.act(fd_.get(), events);
  }
  // What is left half done ends by the exchanges' timers.
  void on_out_of_memory() override { log::error("out of memory in a fetch"); }

  FetchLane& lane_;
  Fd fd_;
  Result<SocketAddress> local_;
  std::unique_ptr<Poll> poll_;
  int wanted_ = Poll::kNone;
};

FetchLane::FetchLane(FetchClient& client, Loop& loop, std::shared_ptr<const TrustStore> trust)
    : client_(client),
      loop_(loop),
      trust_(std::move(trust)),
      multi_(curl_multi_init()),
      sessions_(curl_share_init()),
      timer_(loop, [this] { act(CURL_SOCKET_TIMEOUT, 0); }) {
  if (multi_ == nullptr) return;
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  // One stream at a time on a connection of HTTP/2. libcurl opens windows of up to 32 MiB per
  // stream, and what a paused one receives piles up in memory while its connection is read for the
  // others; alone, a paused stream leaves its connection unread, and TCP holds the sender.
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(limits::kPooledPerUpstream));
  curl_share_setopt(sessions_, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
}

FetchLane::~FetchLane() {
  ending_ = true;
  curl_multi_cleanup(multi_);
  curl_share_cleanup(sessions_);
}

bool FetchLane::add(CURL* easy) {
  if (multi_ == nullptr) return false;
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, this);
  curl_easy_setopt(easy, CURLOPT_SHARE, sessions_);
  if (curl_multi_add_handle(multi_, easy) != CURLM_OK) return false;
  ++transfers_;
  return true;
}

void FetchLane::remove(CURL* easy, FetchTransfer& transfer) {
  curl_multi_remove_handle(multi_, easy);
  curl_easy_setopt(easy, CURLOPT_SHARE, nullptr);
  --transfers_;
  for (const auto& one : sockets_) {
    if (one.second->user == &transfer) one.second->user = nullptr;
  }
}

int FetchLane::adopt(Fd fd) {
  const int raw = fd.get();
  sockets_[raw] = std::make_unique<Socket>(*this, std::move(fd));
  return raw;
}

TcpState FetchLane::claim(std::string_view local_address, int local_port, FetchTransfer& transfer) {
  const auto address = Address::parse(local_address);
  if (!address) return {};
  for (const auto& one : sockets_) {
    if (!one.second->is(*address, local_port)) continue;
    one.second->user = &transfer;
    return tcp_state(one.first);
  }
  return {};
}

void FetchLane::spoil(FetchTransfer& transfer) {
  for (const auto& one : sockets_) {
    if (one.second->user == &transfer) ::shutdown(one.first, SHUT_RDWR);
  }
}

int FetchLane::on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) {
  auto* lane = static_cast<FetchLane*>(self);
  const auto found = lane->sockets_.find(fd);
  if (lane->ending_ || found == lane->sockets_.end()) return 0;
  int interest = Poll::kNone;
  if (what == CURL_POLL_IN || what == CURL_POLL_INOUT) interest |= Poll::kRead;
  if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT) interest |= Poll::kWrite;
  found->second->watch(interest);
  return 0;
}

int FetchLane::on_timer(CURLM*, long timeout_ms, void* self) {
  auto* lane = static_cast<FetchLane*>(self);
  if (lane->ending_ || timeout_ms < 0) {
    lane->timer_.stop();
  } else {
    lane->timer_.start(std::chrono::milliseconds(timeout_ms));
  }
  return 0;
}

// May come from inside the socket's own readiness, so it is retired.
int FetchLane::on_close(void* self, curl_socket_t fd) {
  auto* lane = static_cast<FetchLane*>(self);
  const auto found = lane->sockets_.find(fd);
  if (found == lane->sockets_.end()) return 1;
  if (FetchTransfer* user = found->second->user) user->on_socket_closing(tcp_state(fd));
  found->second->close();
  lane->loop_.retire(std::move(found->second));
  lane->sockets_.erase(found);
  return 0;
}

void FetchLane::act(curl_socket_t fd, int events) {
  int running = 0;
  ++turn_;
  curl_multi_socket_action(multi_, fd, events, &running);
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;  // the message goes with what is asked next
    FetchTransfer* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    if (transfer != nullptr) transfer->on_done(code);
  }
  client_.deliver();
}

}  // namespace culvert
