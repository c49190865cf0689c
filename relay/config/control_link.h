// The relay's end of the link to its control service (proto/culvert/v1/link.proto): connects, tries
// the service's addresses in turn, backs off, hears what is to run and says what runs. Has threads
// of its own, on which gRPC's blocking calls wait; nothing of it is shared with workers. The only
// home of gRPC in the relay, with control_link_*.
#pragma once

#include "culvert/v1/link.pb.h"
#include "relay/base/clock.h"
#include "relay/base/random.h"
#include "relay/base/result.h"
#include "relay/config/identity.h"
#include "relay/config/usage_source.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace culvert {

// What the link tells, on its own threads; each call returns soon, and hands over to a loop.
class LinkEvents {
 public:
  virtual ~LinkEvents() = default;
  virtual void on_welcome(v1::Welcome welcome) = 0;
  // One type's complete change, of a type that is known; answered by ControlLink::acknowledge().
  virtual void on_change(v1::TypeUpdate change) = 0;
  virtual void on_standing(uint64_t revision) = 0;  // all of that revision was sent
  virtual void on_drain(bool drain) = 0;
  virtual void on_verify_keys(v1::VerifyKeys asked) = 0;  // answered by ControlLink::report()
  virtual void on_cancel_verify(uint64_t request) = 0;
  virtual void on_alive() = 0;  // the service said something
  virtual void on_certificate(std::string pem) = 0;  // renewed, proven, not stored yet
  virtual void on_lost(std::string why) = 0;
};

struct LinkOptions {
  std::vector<std::string> addresses;  // HOST:PORT; not empty
  Identity identity;
  std::string version;   // of the relay
  std::string instance;  // random, one per start of the process
};

class ControlLink {
 public:
  struct Parts {
    const Clock& clock;
    Random& random;
    LinkEvents& events;
    std::function<void(v1::Hello*)> fill_hello;            // have, state; on the link's thread
    std::function<void(v1::MetricsReport*)> fill_metrics;  // may be empty: none are sent
    UsageSource* usage = nullptr;                          // null: nothing is sent
  };

  // Connects at once, on a thread of its own. All parts outlive it.
  ControlLink(LinkOptions options, Parts parts);
  ControlLink(const ControlLink&) = delete;
  ControlLink& operator=(const ControlLink&) = delete;
  ~ControlLink();  // as stop()

  // Any thread; return at once. What cannot be sent, because the link is down, is dropped: the next
  // Hello says it all.
  void acknowledge(v1::TypeAck ack);
  void tell(v1::RelayState state);
  void report(v1::KeyVerified verified);
  // Connects anew with it.
  void use_certificate(std::string pem);

  // Ends the streams and joins the threads: within a fraction of a second. Not on a thread of its
  // own.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct JoinRequest {
  std::string address;   // HOST:PORT
  std::string token;     // cvj_<secret>.<fingerprint of the authority>
  std::string name;      // wished for; empty: the service makes one
  std::string version;
};

// A new identity, not yet stored: the service's authority is proven by the fingerprint in the token
// before the token is sent. Blocking, up to limits::kLinkConnectTimeout for each of its two steps.
// Errors: kInvalidConfig for a token that is none; else kSystem, in words for who joins.
Result<Identity> join_control(const JoinRequest& request, const Clock& clock);

}  // namespace culvert
