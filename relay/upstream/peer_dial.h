// A connection that another relay of a region makes: a spare one to that relay or a new one,
// CONNECT on it, and the channel that is then the destination's. Where a relay fails, another of
// the region is asked; what the destination refused stands.
#pragma once

#include "relay/channel/timer.h"
#include "relay/codec/peer_request.h"
#include "relay/upstream/connector.h"
#include "relay/upstream/peer_directory.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace culvert {

class PeerDialSink {
 public:
  virtual ~PeerDialSink() = default;
  // Open, muted and paused. legs: of the far relay; its `connect` holds the way there as well.
  virtual void on_reached(std::unique_ptr<Channel> channel, const Legs& legs) = 0;
  virtual void on_not_reached(Error error, const Legs& legs) = 0;
};

// The sink is called once, never from the constructor. Its owner retires it; destroying cancels.
class PeerDial final : public Retirable, private ConnectSink, private ChannelSink {
 public:
  // plan: with a region in `via`; outlives it. connections: to the relays themselves.
  PeerDial(Loop& loop,
           Connector& connections,
           const Clock& clock,
           const ConnectPlan& plan,
           PeerDialSink& sink);
  ~PeerDial() override;

 private:
  void on_connection(Connection connection) override;
  void on_no_connection(Error error, const Legs& legs) override;
  void on_bytes(std::string_view bytes) override;
  void on_end(bool clean) override;
  void on_drained() override {}
  void on_failed(Error error) override;

  void step();
  void next_relay();
  void open(bool fresh);
  void ask(Connection connection);
  void read(std::string_view bytes);
  void heard(const ResponseHead& head, bool more_follows);
  void refused();
  void relay_failed(Error error);
  void end_connection();
  void timer_fired();
  void fail(Error error);
  Duration answer_time() const;
  PeerRequest request() const;
  Error about(const Error& error) const;

  Loop& loop_;
  Connector& connections_;
  const Clock& clock_;
  const ConnectPlan& plan_;
  PeerDialSink& sink_;
  const Instant started_;
  std::vector<const PeerWay*> tried_;
  const PeerWay* way_ = nullptr;
  bool reused_ = false;  // the connection had waited, and may have died
  bool over_ = false;
  std::unique_ptr<Connecting> connecting_;
  Connection connection_;
  std::vector<std::unique_ptr<Channel>> ended_;
  std::optional<ResponseParser> parser_;
  std::string words_;           // of a refusal
  std::optional<Error> error_;  // of the last relay
  Timer timer_;
};

}  // namespace culvert
