// Names to addresses: c-ares on the loop, with a cache per worker. A time to live is honoured
// within bounds, failures are remembered for a few seconds, and an old answer is better than none
// when name servers fail (RFC 8767).
#pragma once

#include "relay/base/address.h"
#include "relay/base/clock.h"
#include "relay/base/result.h"
#include "relay/channel/loop.h"
#include "relay/channel/timer.h"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

struct ares_channeldata;
struct ares_addrinfo;

namespace culvert {

using Addresses = std::vector<Address>;

class ResolveSink {
 public:
  virtual ~ResolveSink() = default;
  virtual void on_resolved(Result<Addresses> addresses) = 0;
};

struct ResolverOptions {
  std::string servers;  // "127.0.0.1:5353,[::1]:53"; empty: the system's
  const Clock* clock = &Clock::system();
};

class Resolver {
 public:
  // A question that is being asked. Destroying it cancels; its sink is called at most once, never
  // from inside lookup().
  class Lookup {
   public:
    Lookup(Resolver& resolver, std::string host, ResolveSink& sink);
    Lookup(const Lookup&) = delete;
    Lookup& operator=(const Lookup&) = delete;
    ~Lookup();

   private:
    friend class Resolver;
    Resolver& resolver_;
    std::string host_;
    ResolveSink& sink_;
    std::unique_ptr<Timer> stale_timer_;
  };

  static Result<std::unique_ptr<Resolver>> create(Loop& loop, ResolverOptions options);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver();  // after all lookups

  // A literal address, localhost (always the loopback, RFC 6761), or a fresh cache entry (also a
  // remembered failure). nullopt: ask.
  std::optional<Result<Addresses>> cached(std::string_view host) const;
  // host: a name, not an address. nullptr where too many lookups wait.
  std::unique_ptr<Lookup> lookup(const std::string& host, ResolveSink& sink);

 private:
  struct Entry {
    Addresses addresses;  // empty: the failure in `detail`
    std::string detail;
    Instant fresh_until;
    Instant stale_until;
  };
  struct Query;
  class Socket;

  Resolver(Loop& loop, const ResolverOptions& options);
  void ask(const std::string& host);
  void answered(const std::string& host, int status, ares_addrinfo* answer);
  void keep(const std::string& host, Addresses addresses, Duration ttl);
  void keep_failure(const std::string& host, const std::string& detail);
  void make_room();
  void deliver();
  void serve_stale(Lookup& lookup);
  Entry* usable_stale(std::string_view host);
  void watch(int fd, bool readable, bool writable);
  void process(int readable_fd, int writable_fd);
  void schedule();

  Loop& loop_;
  const Clock& clock_;
  ares_channeldata* ares_ = nullptr;
  bool ending_ = false;
  std::map<std::string, Entry, std::less<>> cache_;
  std::map<std::string, std::set<Lookup*>, std::less<>> waiting_;
  std::vector<std::pair<std::string, Result<Addresses>>> finished_;
  std::map<int, std::unique_ptr<Socket>> sockets_;
  Timer ares_timer_;
  Timer deliver_timer_;
};

}  // namespace culvert
