// A relay's being attached to a control service: what the service wants (RemoteConfig), what is
// kept of it (LastKnownGood), and the link. On the main loop; what the link tells on its threads is
// posted there. Without an identity there is none, and the relay is what its file says.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/random.h"
#include "relay/base/result.h"
#include "relay/config/control_link.h"
#include "relay/config/last_known_good.h"
#include "relay/config/remote_config.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace culvert {

// What the process does on the attachment's behalf. Main loop.
class AttachmentOwner {
 public:
  virtual ~AttachmentOwner() = default;
  // Whether the resources can be used; makes nothing of it.
  virtual Result<void> try_resources(const Resources& whole) = 0;
  // What runs has changed: take Attachment::merged() into use.
  virtual void on_remote_changed() = 0;
  virtual void on_drain_command(bool drain) = 0;
  // Each key is answered once, by Attachment::report().
  virtual void on_verify_keys(const v1::VerifyKeys& asked) = 0;
  virtual void on_cancel_verify(uint64_t request) = 0;
  virtual void on_verify_forgotten() = 0;  // who asked is gone: cancel all
  virtual void on_identity_renewed() = 0;  // its certificate
  // connected() or has_configuration() changed.
  virtual void on_control_state() = 0;
};

class Attachment final : private LinkEvents {
 public:
  struct Parts {
    const Clock& clock;
    Random& random;
    AttachmentOwner& owner;
    std::function<void(std::function<void()>)> post;  // runs a task on the main loop; any thread
    std::function<void(v1::MetricsReport*)> fill_metrics;  // on a thread of the link
  };

  // Reads what is kept. `state_dir` holds the identity.
  Attachment(Identity identity, std::string state_dir, Parts parts);
  ~Attachment() override;

  // The relay's own file changed, or is read for the first time: what came is tried on top of it.
  void settle(const Resources& local);
  // Once settled. addresses: of the configuration; empty: those of the identity. usage: null where
  // none is kept; outlives stop().
  void connect(const std::vector<std::string>& addresses,
               const v1::RelayState& state,
               Duration max_age,
               UsageSource* usage);
  void stop();
  void tell(const v1::RelayState& state);
  void report(v1::KeyVerified verified);  // any thread; dropped where the link is down

  // Once a second: staleness, and what is to be kept anew.
  void look();

  Resources merged(const Resources& local) const { return remote_.merged(local, stale_); }
  const Identity& identity() const { return identity_; }
  bool connected() const { return connected_; }
  bool has_configuration() const { return !remote_.empty(); }
  bool from_cache() const { return from_cache_; }
  bool stale() const { return stale_; }
  // What runs could not be written to the disk; a restart without the service has an older one.
  bool keep_failed() const { return keep_failed_; }
  // Everything that the service has was heard: nothing new for a moment after the Welcome.
  bool settled() const;
  Duration age() const;  // since the service was there
  // As operators count; nullopt where the service has not told.
  std::optional<uint64_t> revision() const { return remote_.revision(); }
  size_t refused() const { return remote_.refused(); }

 private:
  void on_welcome(v1::Welcome welcome) override;
  void on_change(v1::TypeUpdate change) override;
  void on_standing(uint64_t revision) override;
  void on_drain(bool drain) override;
  void on_verify_keys(v1::VerifyKeys asked) override;
  void on_cancel_verify(uint64_t request) override;
  void on_alive() override;
  void on_certificate(std::string pem) override;
  void on_lost(std::string why) override;

  void post(std::function<void()> task);
  void welcome(const v1::Welcome& welcome);
  void change(const v1::TypeUpdate& change);
  void stand(uint64_t revision);
  void lost(const std::string& why);
  void renewed(const std::string& pem);
  void keep();
  void set_stale(bool stale);
  void refresh_hello();

  Identity identity_;
  const std::string state_dir_;
  Parts parts_;
  LastKnownGood kept_;
  RemoteConfig remote_;
  Resources local_;
  RemoteConfig::Check check_;
  std::optional<Instant> contact_;  // when the service was there last, by this machine's clock
  Instant kept_at_{};               // of contact_ that the cache holds
  Duration max_age_{};
  Instant heard_{};  // the last Welcome or change
  bool connected_ = false;
  bool from_cache_ = false;
  bool stale_ = false;
  bool keep_failed_ = false;
  Instant keep_again_{};  // where it failed
  struct Shared;          // with the link's threads
  std::shared_ptr<Shared> shared_;
  std::unique_ptr<ControlLink> link_;
};

}  // namespace culvert
