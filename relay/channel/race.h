// Connects to the first of several addresses that answers (Happy Eyeballs, RFC 8305): families
// alternate, the next try starts after 250 ms or when one failed, the first to connect wins.
#pragma once

#include "relay/base/address.h"
#include "relay/base/result.h"
#include "relay/channel/fd.h"
#include "relay/channel/loop.h"
#include "relay/channel/timer.h"

#include <memory>
#include <optional>
#include <vector>

namespace culvert {

class RaceSink {
 public:
  virtual ~RaceSink() = default;
  virtual void on_connected(Fd connection, const Address& peer) = 0;
  virtual void on_not_connected(Error error) = 0;  // the last failure; stage kConnect
};

// Destroying it cancels. The sink is called once, never from the constructor; it retires the race
// rather than destroying it. Its time limit is the owner's.
class Race : public Retirable {
 public:
  // bind: the local address to leave from; `addresses` are of its family then.
  Race(Loop& loop,
       std::vector<Address> addresses,
       uint16_t port,
       std::optional<Address> bind,
       RaceSink& sink);
  ~Race() override;

 private:
  class Try;
  void next();
  Fd socket_for(const Address& address);
  Error failure() const;
  void won(Try& winner);
  void lost(Try& loser, int error);

  Loop& loop_;
  std::vector<Address> addresses_;
  uint16_t port_;
  std::optional<Address> bind_;
  RaceSink& sink_;
  size_t started_ = 0;
  size_t running_ = 0;
  bool over_ = false;
  std::string last_failure_;
  bool unbindable_ = false;  // the machine does not have the local address
  std::vector<std::unique_ptr<Try>> tries_;
  Timer timer_;
};

// Families in turn, beginning with that of the first address; the order within each stays.
std::vector<Address> interleave_families(const std::vector<Address>& addresses);

}  // namespace culvert
