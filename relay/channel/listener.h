// A listening socket on one loop. Accepting is our own call, so that it stops before descriptors
// run out: libuv would accept and close whatever comes then.
#pragma once

#include "relay/base/address.h"
#include "relay/base/result.h"
#include "relay/channel/fd.h"
#include "relay/channel/poll.h"
#include "relay/channel/timer.h"

#include <cstdint>
#include <memory>

namespace culvert {

class AcceptSink {
 public:
  virtual ~AcceptSink() = default;
  // The sink owns the connection. False: no more now (the sink calls resume() later).
  virtual bool on_accept(Fd connection, const Address& peer) = 0;
};

// Shared: SO_REUSEPORT, since each worker has a socket of its own on the address. It lets in every
// other process of the same user too.
enum class Sharing : uint8_t { kShared, kExclusive };

// Binds and listens. Errors: kSystem with "ADDRESS: why".
Result<Fd> listen_on(const SocketAddress& address, Sharing sharing = Sharing::kShared);
// The address that a socket has: of a listening one for port 0, of a connection our own.
Result<SocketAddress> bound_address(int fd);
// Of a connection, the other side's. Errors: it is gone already.
Result<SocketAddress> peer_address(int fd);

class Listener final : private PollSink {
 public:
  Listener(Loop& loop, Fd fd, AcceptSink& sink);

  void pause();
  void resume();
  void accept_waiting();  // all that waits in the backlog, before the socket closes

 private:
  void on_ready(Ready ready) override;
  void on_out_of_memory() override;
  void accept_some(int most);

  Fd fd_;
  AcceptSink& sink_;
  Timer retry_;  // after descriptors ran out
  Poll poll_;
};

}  // namespace culvert
