// c-ares: its sockets are polled on the loop, its timeouts are one timer.
#include "relay/channel/resolver.h"

#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/base/text.h"
#include "relay/channel/poll.h"

#include <ares.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <new>

namespace culvert {
namespace {

constexpr int kQueryTimeoutMs = 1500;
constexpr int kTriesPerServer = 2;
// A name server said that there is nothing (any more); an old answer would be wrong, not stale.
bool denied(int status) {
  return status == ARES_SUCCESS || status == ARES_ENOTFOUND || status == ARES_ENODATA;
}

// RFC 8767 §5: how long a client waits for a fresh answer before an old one is used.
constexpr auto kStaleAnswerDelay = std::chrono::milliseconds(1800);

Error resolve_error(Code code, std::string detail) {
  return Error::upstream(code, Stage::kResolve, Retry::kOtherUpstream, std::move(detail));
}

// RFC 6761 §6.3: whatever a hosts file or a DNS server says, and where there is neither.
bool is_localhost(std::string_view host) {
  const std::string name = lower(host.ends_with('.') ? host.substr(0, host.size() - 1) : host);
  return name == "localhost" || name.ends_with(".localhost");
}

Addresses loopback() {
  std::array<uint8_t, 16> v6{};
  v6.back() = 1;
  return {Address::v4({127, 0, 0, 1}), Address::v6(v6)};
}

}  // namespace

struct Resolver::Query {
  Resolver* resolver;
  std::string host;
};

class Resolver::Socket final : public PollSink, public Retirable {
 public:
  Socket(Resolver& resolver, int fd)
      : resolver_(resolver), fd_(fd), poll_(std::make_unique<Poll>(resolver.loop_, fd, *this)) {}

  void watch(bool readable, bool writable) {
    poll_->watch((readable ? Poll::kRead : 0) | (writable ? Poll::kWrite : 0));
  }
  // At once: c-ares closes the descriptor next, and its number may soon be somebody else's.
  void end() { poll_.reset(); }

 private:
  void on_ready(Ready ready) override {
    resolver_.process(ready.readable || ready.failed ? fd_ : ARES_SOCKET_BAD,
                      ready.writable || ready.failed ? fd_ : ARES_SOCKET_BAD);
  }
  void on_out_of_memory() override {}  // c-ares asks again when its timer fires

  Resolver& resolver_;
  int fd_;
  std::unique_ptr<Poll> poll_;
};

Resolver::Resolver(Loop& loop, const ResolverOptions& options)
    : loop_(loop),
      clock_(*options.clock),
      ares_timer_(loop, [this] { process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); }),
      deliver_timer_(loop, [this] { deliver(); }) {}

Result<std::unique_ptr<Resolver>> Resolver::create(Loop& loop, ResolverOptions options) {
  static std::once_flag once;
  static int library = ARES_SUCCESS;
  std::call_once(once, [] { library = ares_library_init(ARES_LIB_INIT_ALL); });
  const std::string servers = options.servers;
  std::unique_ptr<Resolver> resolver(new Resolver(loop, std::move(options)));
  ares_options ares{};
  ares.timeout = kQueryTimeoutMs;
  ares.tries = kTriesPerServer;
  ares.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
    try {
      static_cast<Resolver*>(self)->watch(fd, readable != 0, writable != 0);
    } catch (const std::bad_alloc&) {
      log::error("out of memory in the DNS resolver");  // asked again when its timer fires
    }
  };
  ares.sock_state_cb_data = resolver.get();
  int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_QUERY_CACHE
  // From 1.31 on c-ares has a cache of its own, which knows nothing of ours nor of its clock.
  ares.qcache_max_ttl = 0;
  mask |= ARES_OPT_QUERY_CACHE;
#endif
  int status = library;
  if (status == ARES_SUCCESS) {
    status = ares_init_options(&resolver->ares_, &ares, mask);
  }
  if (status == ARES_SUCCESS && !servers.empty()) {
    status = ares_set_servers_ports_csv(resolver->ares_, servers.c_str());
  }
  if (status != ARES_SUCCESS) {
    return Error::ours(Code::kSystem, Stage::kResolve,
                       std::string("DNS resolver: ") + ares_strerror(status));
  }
  return resolver;
}

Resolver::~Resolver() {
  ending_ = true;
  if (ares_ != nullptr) ares_destroy(ares_);  // calls back for every query
}

Resolver::Lookup::Lookup(Resolver& resolver, std::string host, ResolveSink& sink)
    : resolver_(resolver), host_(std::move(host)), sink_(sink) {
  resolver_.waiting_[host_].insert(this);
}

Resolver::Lookup::~Lookup() {
  const auto found = resolver_.waiting_.find(host_);
  // The entry stays, even if empty, as long as the question is being asked.
  if (found != resolver_.waiting_.end()) found->second.erase(this);
}

std::optional<Result<Addresses>> Resolver::cached(std::string_view host) const {
  if (const auto literal = Address::parse(host)) return Addresses{*literal};
  if (is_localhost(host)) return loopback();
  const auto found = cache_.find(lower(host));
  if (found == cache_.end() || clock_.now() >= found->second.fresh_until) return std::nullopt;
  if (!found->second.addresses.empty()) return found->second.addresses;
  return Result<Addresses>(resolve_error(Code::kResolveFailed, found->second.detail));
}

std::unique_ptr<Resolver::Lookup> Resolver::lookup(const std::string& host, ResolveSink& sink) {
  const std::string name = lower(host);
  const bool asking = waiting_.contains(name);
  if (!asking && waiting_.size() >= limits::kDnsWaiting) return nullptr;
  auto made = std::make_unique<Lookup>(*this, name, sink);
  if (usable_stale(name) != nullptr) {
    made->stale_timer_ =
        std::make_unique<Timer>(loop_, [this, lookup = made.get()] { serve_stale(*lookup); });
    made->stale_timer_->start(kStaleAnswerDelay);
  }
  if (!asking) ask(name);
  return made;
}

void Resolver::ask(const std::string& host) {
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  auto query = std::make_unique<Query>(Query{this, host});
  ares_getaddrinfo(
      ares_, query->host.c_str(), nullptr, &hints,
      [](void* raw, int status, int, ares_addrinfo* answer) {
        const std::unique_ptr<Query> asked(static_cast<Query*>(raw));
        try {
          asked->resolver->answered(asked->host, status, answer);
        } catch (const std::bad_alloc&) {
          log::error("out of memory in the DNS resolver");
        }
        if (answer != nullptr) ares_freeaddrinfo(answer);
      },
      query.get());
  static_cast<void>(query.release());  // NOLINT(bugprone-unused-return-value): c-ares has it
  schedule();
}

void Resolver::answered(const std::string& host, int status, ares_addrinfo* answer) {
  if (ending_) return;
  Addresses addresses;
  Duration ttl = limits::kDnsTtlMost;
  if (status == ARES_SUCCESS && answer != nullptr) {
    for (const auto* node = answer->nodes; node != nullptr; node = node->ai_next) {
      const auto address = Address::from(node->ai_addr);
      if (!address || addresses.size() >= limits::kDnsAddresses) continue;
      ttl = std::min<Duration>(ttl, std::chrono::seconds(node->ai_ttl));
      addresses.push_back(*address);
    }
  }
  Result<Addresses> result = addresses;
  if (!addresses.empty()) {
    keep(host, std::move(addresses), ttl);
  } else if (Entry* stale = denied(status) ? nullptr : usable_stale(host)) {
    stale->fresh_until = clock_.now() + limits::kDnsStaleRecheck;
    result = stale->addresses;
  } else {
    const std::string why = status == ARES_SUCCESS ? "no address" : ares_strerror(status);
    const std::string detail = "the name " + host + " does not resolve: " + why;
    keep_failure(host, detail);
    const bool slow = status == ARES_ETIMEOUT;
    result = resolve_error(slow ? Code::kConnectTimeout : Code::kResolveFailed, detail);
  }
  finished_.emplace_back(host, std::move(result));
  deliver_timer_.start(Duration::zero());
}

void Resolver::keep(const std::string& host, Addresses addresses, Duration ttl) {
  make_room();
  const Instant now = clock_.now();
  ttl = std::clamp<Duration>(ttl, limits::kDnsTtlLeast, limits::kDnsTtlMost);
  cache_[host] = {std::move(addresses), {}, now + ttl, now + ttl + limits::kDnsStale};
}

void Resolver::keep_failure(const std::string& host, const std::string& detail) {
  make_room();
  const Instant until = clock_.now() + limits::kDnsNegativeTtl;
  cache_[host] = {{}, detail, until, until};
}

void Resolver::make_room() {
  if (cache_.size() < limits::kDnsEntries) return;
  const Instant now = clock_.now();
  std::erase_if(cache_, [&](const auto& item) { return now >= item.second.fresh_until; });
  if (cache_.size() >= limits::kDnsEntries) cache_.erase(cache_.begin());
}

Resolver::Entry* Resolver::usable_stale(std::string_view host) {
  const auto found = cache_.find(host);
  if (found == cache_.end() || found->second.addresses.empty()) return nullptr;
  return clock_.now() < found->second.stale_until ? &found->second : nullptr;
}

void Resolver::serve_stale(Lookup& lookup) {
  Entry* stale = usable_stale(lookup.host_);
  const auto waiting = waiting_.find(lookup.host_);
  if (stale == nullptr || waiting == waiting_.end() || waiting->second.erase(&lookup) == 0) return;
  stale->fresh_until = clock_.now() + limits::kDnsStaleRecheck;
  const Addresses addresses = stale->addresses;
  lookup.sink_.on_resolved(addresses);
}

void Resolver::deliver() {
  auto finished = std::move(finished_);
  finished_.clear();
  for (auto& [host, result] : finished) {
    const auto found = waiting_.find(host);
    if (found == waiting_.end()) continue;
    // A sink may cancel any other lookup, so one is taken at a time.
    while (!found->second.empty()) {
      Lookup* lookup = *found->second.begin();
      found->second.erase(found->second.begin());
      lookup->sink_.on_resolved(result);
    }
    waiting_.erase(found);
  }
}

void Resolver::watch(int fd, bool readable, bool writable) {
  const auto found = sockets_.find(fd);
  if (!readable && !writable) {
    if (found == sockets_.end()) return;
    found->second->end();
    loop_.retire(std::move(found->second));
    sockets_.erase(found);
    return;
  }
  auto& socket = found == sockets_.end() ? sockets_[fd] : found->second;
  if (socket == nullptr) socket = std::make_unique<Socket>(*this, fd);
  socket->watch(readable, writable);
}

void Resolver::process(int readable_fd, int writable_fd) {
  ares_process_fd(ares_, readable_fd, writable_fd);
  schedule();
}

void Resolver::schedule() {
  timeval most{};
  const timeval* wait = ares_timeout(ares_, nullptr, &most);
  if (wait == nullptr) return ares_timer_.stop();
  // c-ares cuts off at whole milliseconds; zero would come again at once until the clock moves.
  ares_timer_.start(std::max<Duration>(std::chrono::seconds(wait->tv_sec) +
                                           std::chrono::microseconds(wait->tv_usec),
                                       std::chrono::milliseconds(1)));
}

}  // namespace culvert
