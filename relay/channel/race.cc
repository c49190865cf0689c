// One Try per address: a non-blocking connect(2) and its readiness.
#include "relay/channel/race.h"

#include "relay/base/limits.h"
#include "relay/channel/poll.h"
#include "relay/channel/tcp.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace culvert {

class Race::Try final : private PollSink {
 public:
  Try(Race& race, Fd fd, const Address& address)
      : race_(race),
        fd_(std::move(fd)),
        address_(address),
        poll_(std::make_unique<Poll>(race.loop_, fd_.get(), static_cast<PollSink&>(*this))) {
    poll_->watch(Poll::kWrite);
  }

  // The poll ends first: ended later, it would take the descriptor out of the loop under its new
  // owner.
  Fd take() {
    poll_.reset();
    return std::move(fd_);
  }
  const Address& address() const { return address_; }
  void stop() {
    poll_.reset();
    fd_.reset();
  }

 private:
  void on_ready(Ready /*ready*/) override {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return race_.lost(*this, error);
    race_.won(*this);
  }
  void on_out_of_memory() override { race_.lost(*this, ENOMEM); }

  Race& race_;
  Fd fd_;
  Address address_;
  std::unique_ptr<Poll> poll_;
};

std::vector<Address> interleave_families(const std::vector<Address>& addresses) {
  std::vector<Address> of_first;
  std::vector<Address> others;
  for (const Address& address : addresses) {
    (address.is_v4() == addresses.front().is_v4() ? of_first : others).push_back(address);
  }
  std::vector<Address> ordered;
  for (size_t i = 0; i < std::max(of_first.size(), others.size()); ++i) {
    if (i < of_first.size()) ordered.push_back(of_first[i]);
    if (i < others.size()) ordered.push_back(others[i]);
  }
  return ordered;
}

Race::Race(Loop& loop,
           std::vector<Address> addresses,
           uint16_t port,
           std::optional<Address> bind,
           RaceSink& sink)
    : loop_(loop),
      addresses_(interleave_families(addresses)),
      port_(port),
      bind_(bind),
      sink_(sink),
      timer_(loop, [this] { next(); }) {
  timer_.start(Duration::zero());
}

Race::~Race() = default;

// The port is chosen at connect(2), where it need only be free towards that peer: chosen by bind(2)
// it would have to be free altogether, and an address has 28,000 of them.
Fd Race::socket_for(const Address& address) {
  Fd fd(::socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                 0));
  if (!fd.valid()) return fd;
  tune_socket(fd.get());
  if (!bind_) return fd;
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_storage storage{};
  const socklen_t size = bind_->to_sockaddr(0, &storage);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) == 0) return fd;
  unbindable_ = true;
  return {};
}

void Race::next() {
  while (!over_ && started_ < addresses_.size() && running_ < limits::kConnectsAtOnce) {
    const Address& address = addresses_[started_++];
    sockaddr_storage storage{};
    const socklen_t size = address.to_sockaddr(port_, &storage);
    Fd fd = socket_for(address);
    if (fd.valid() &&
        (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) == 0 ||
         errno == EINPROGRESS || errno == EINTR)) {  // connect(2): both go on by themselves
      tries_.push_back(std::make_unique<Try>(*this, std::move(fd), address));
      ++running_;
      if (started_ < addresses_.size()) timer_.start(limits::kHappyEyeballsDelay);
      return;
    }
    last_failure_ = address.text() + ": " + std::strerror(errno);
  }
  if (over_ || running_ > 0) return;
  over_ = true;
  sink_.on_not_connected(failure());
}

Error Race::failure() const {
  if (unbindable_) {
    return {Fault::kOurs, Code::kConnectFailed, Stage::kConnect, Retry::kOtherKey,
            "this machine cannot connect from " + bind_->text()};
  }
  return Error::upstream(Code::kConnectFailed, Stage::kConnect, Retry::kOtherUpstream,
                         last_failure_);
}

void Race::won(Try& winner) {
  if (over_) return;
  over_ = true;
  timer_.stop();
  for (const auto& one : tries_) {
    if (one.get() != &winner) one->stop();
  }
  const Address peer = winner.address();
  sink_.on_connected(winner.take(), peer);
}

void Race::lost(Try& loser, int error) {
  if (over_) return;
  loser.stop();
  --running_;
  last_failure_ = loser.address().text() + ": " + std::strerror(error);
  next();
}

}  // namespace culvert
