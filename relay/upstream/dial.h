// A TCP connection to a name, for whichever strategy: resolve, then race the addresses that are
// allowed, each leg with its own time limit and measured apart.
#pragma once

#include "relay/channel/race.h"
#include "relay/upstream/address_lookup.h"

#include <memory>
#include <optional>
#include <string>

namespace culvert {

struct DialPlan {
  std::string host;
  uint16_t port = 0;
  const AddressPolicy* policy = nullptr;
  std::optional<Address> bind;  // leaves from here; only addresses of its family are tried
  Duration resolve_timeout{};
  Duration connect_timeout{};
};

class DialSink {
 public:
  virtual ~DialSink() = default;
  virtual void on_dialled(Fd connection) = 0;
  virtual void on_not_dialled(Error error) = 0;  // its stage is kResolve or kConnect
};

// The sink is called once, never from the constructor. Its owner retires it; destroying cancels.
class Dial final : public Retirable, private AddressLookupSink, private RaceSink {
 public:
  Dial(Loop& loop, Resolver& resolver, const Clock& clock, DialPlan plan, DialSink& sink);
  ~Dial() override;

  Duration resolve_took() const { return resolve_took_; }
  Duration connect_took() const { return connect_took_; }

 private:
  void on_addresses(Addresses addresses) override;
  void on_no_addresses(Error error) override;
  void on_connected(Fd connection, const Address& peer) override;
  void on_not_connected(Error error) override;
  void on_timer();
  Duration since_last();
  void fail(Error error);

  Loop& loop_;
  const Clock& clock_;
  const DialPlan plan_;
  DialSink& sink_;
  Instant leg_started_;
  Duration resolve_took_{};
  Duration connect_took_{};
  bool over_ = false;
  AddressLookup lookup_;
  std::unique_ptr<Race> race_;
  Timer timer_;
};

}  // namespace culvert
