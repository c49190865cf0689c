// What comes in is posted to the main loop and done there; what the link's threads ask for (the
// Hello) is kept ready for them.
#include "relay/config/attachment.h"

#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/base/version.h"

#include <algorithm>
#include <mutex>

namespace culvert {
namespace {

constexpr auto kKeepAgain = std::chrono::seconds(10);  // after a disk that took nothing

log::Field field_of(std::optional<uint64_t> revision) {
  if (!revision) return {"revision", "unknown"};
  return {"revision", *revision};
}

}  // namespace

// Outlives the attachment in tasks that are still posted.
struct Attachment::Shared {
  std::mutex mutex;
  v1::Hello hello;              // what the next connection begins with
  bool alive_posted = false;    // one task for many messages
  Attachment* owner = nullptr;  // null: gone. Main loop only
};

Attachment::Attachment(Identity identity, std::string state_dir, Parts parts)
    : identity_(std::move(identity)),
      state_dir_(std::move(state_dir)),
      parts_(std::move(parts)),
      kept_(kept_folder(state_dir_), identity_.seal_key),
      check_([this](const Resources& whole) { return parts_.owner.try_resources(whole); }),
      shared_(std::make_shared<Shared>()) {
  shared_->owner = this;
  const auto kept = kept_.load();
  if (!kept) return;
  const auto contact = remote_.restore(*kept);
  if (!contact) {
    log::warn("the kept configuration is not used", {{"error", contact.error().detail}});
    return;
  }
  from_cache_ = has_configuration();
  const Duration away = std::max<Duration>(parts_.clock.wall() - *contact, Duration::zero());
  contact_ = parts_.clock.now() - away;
  kept_at_ = *contact_;
  log::info(
      "starting with the kept configuration of the control service",
      {field_of(remote_.revision()), {"items", remote_.items()}, {"age_seconds", seconds(away)}});
}

Attachment::~Attachment() {
  stop();
  shared_->owner = nullptr;
}

void Attachment::settle(const Resources& local) {
  local_ = local;
  std::vector<v1::TypeAck> acks = remote_.settle_again(local_, check_);
  for (const v1::TypeAck& ack : acks) {
    for (const v1::ItemError& error : ack.errors()) {
      log::warn("an item of the control service is refused",
                {{"type", ack.type()}, {"item", error.name()}, {"error", error.message()}});
    }
  }
  if (!connected_) return;
  for (v1::TypeAck& ack : acks) link_->acknowledge(std::move(ack));
}

void Attachment::connect(const std::vector<std::string>& addresses,
                         const v1::RelayState& state,
                         Duration max_age,
                         UsageSource* usage) {
  max_age_ = max_age;
  if (!contact_) contact_ = parts_.clock.now();  // it has just joined
  {
    const std::lock_guard lock(shared_->mutex);
    *shared_->hello.mutable_state() = state;
  }
  refresh_hello();
  LinkOptions options{addresses.empty() ? identity_.addresses : addresses, identity_,
                      std::string(kVersion), random_id(parts_.random)};
  if (options.addresses.empty()) {
    return log::error("no address of a control service is known: --control HOST:PORT gives one");
  }
  link_ = std::make_unique<ControlLink>(
      std::move(options),
      ControlLink::Parts{parts_.clock, parts_.random, static_cast<LinkEvents&>(*this),
                         [shared = shared_](v1::Hello* hello) {
                           const std::lock_guard lock(shared->mutex);
                           hello->MergeFrom(shared->hello);
                         },
                         parts_.fill_metrics, usage});
}

void Attachment::stop() {
  if (link_ == nullptr) return;
  link_->stop();
  link_.reset();
  if (connected_) keep();
  connected_ = false;
}

void Attachment::tell(const v1::RelayState& state) {
  {
    const std::lock_guard lock(shared_->mutex);
    *shared_->hello.mutable_state() = state;
  }
  if (link_ != nullptr) link_->tell(state);
}

void Attachment::report(v1::KeyVerified verified) {
  post([this, verified = std::move(verified)] {
    if (link_ != nullptr) link_->report(verified);
  });
}

bool Attachment::settled() const {
  return connected_ && parts_.clock.now() - heard_ >= limits::kControlSettle;
}

Duration Attachment::age() const {
  return contact_ ? parts_.clock.now() - *contact_ : Duration::zero();
}

void Attachment::look() {
  if (link_ == nullptr) return;
  set_stale(age() > max_age_);
  const Duration most = std::max<Duration>(std::chrono::seconds(1), max_age_ / 24);
  const bool aged = connected_ && has_configuration() && *contact_ - kept_at_ > most;
  if (keep_failed_ ? parts_.clock.now() >= keep_again_ : aged) keep();
}

void Attachment::set_stale(bool stale) {
  if (stale == stale_) return;
  stale_ = stale;
  if (stale) {
    log::warn(
        "the control service has been away for longer than control.max_age: its tokens and keys "
        "stop to work, its upstreams and routes stay",
        {{"age_seconds", seconds(age())}, {"max_age_seconds", seconds(max_age_)}});
  } else {
    log::info("the control service is back: its tokens and keys work again");
  }
  parts_.owner.on_remote_changed();
}

// --- On the link's threads

void Attachment::post(std::function<void()> task) {
  parts_.post([shared = shared_, task = std::move(task)] {
    if (shared->owner != nullptr) task();
  });
}

void Attachment::on_welcome(v1::Welcome message) {
  post([this, message = std::move(message)] { welcome(message); });
}

void Attachment::on_change(v1::TypeUpdate update) {
  post([this, update = std::move(update)] { change(update); });
}

void Attachment::on_standing(uint64_t revision) {
  post([this, revision] { stand(revision); });
}

void Attachment::on_drain(bool drain) {
  post([this, drain] { parts_.owner.on_drain_command(drain); });
}

void Attachment::on_verify_keys(v1::VerifyKeys asked) {
  post([this, asked = std::move(asked)] { parts_.owner.on_verify_keys(asked); });
}

void Attachment::on_cancel_verify(uint64_t request) {
  post([this, request] { parts_.owner.on_cancel_verify(request); });
}

void Attachment::on_alive() {
  {
    const std::lock_guard lock(shared_->mutex);
    if (std::exchange(shared_->alive_posted, true)) return;
  }
  post([this] {
    const std::lock_guard lock(shared_->mutex);
    shared_->alive_posted = false;
    contact_ = parts_.clock.now();
  });
}

void Attachment::on_certificate(std::string pem) {
  post([this, pem = std::move(pem)] { renewed(pem); });
}

void Attachment::on_lost(std::string why) {
  post([this, why = std::move(why)] { lost(why); });
}

// --- On the main loop

void Attachment::welcome(const v1::Welcome& message) {
  connected_ = true;
  contact_ = heard_ = parts_.clock.now();
  log::info("connected to the control service",
            {{"relay", message.relay()}, {"service", message.service()}});
  set_stale(false);
  // A service that sends nothing, because this relay has it all, hears what of it runs.
  for (v1::TypeAck& ack : remote_.answers()) link_->acknowledge(std::move(ack));
  parts_.owner.on_verify_forgotten();  // what another connection asked for
  parts_.owner.on_drain_command(message.drain());
  parts_.owner.on_control_state();
}

void Attachment::change(const v1::TypeUpdate& update) {
  contact_ = heard_ = parts_.clock.now();
  const std::string before = remote_.overall_hash();
  std::vector<v1::TypeAck> acks = remote_.apply(update, local_, check_);
  from_cache_ = false;
  if (remote_.overall_hash() != before) parts_.owner.on_remote_changed();
  log::info("the control service's configuration changed",
            {{"type", update.type()},
             field_of(remote_.revision()),
             {"upserts", update.upserts_size()},
             {"removes", update.removes_size()},
             {"refused", acks.front().errors_size()}});
  for (const v1::ItemError& error : acks.front().errors()) {
    log::warn("an item of the control service is refused",
              {{"type", update.type()}, {"item", error.name()}, {"error", error.message()}});
  }
  keep();
  refresh_hello();
  for (v1::TypeAck& ack : acks) link_->acknowledge(std::move(ack));
  parts_.owner.on_control_state();
}

// What is kept of it may wait: it changes nothing of what runs.
void Attachment::stand(uint64_t revision) {
  remote_.set_revision(revision);
  log::info("all of the control service's revision is here",
            {{"revision", revision}, {"refused", remote_.refused()}});
  parts_.owner.on_control_state();
}

void Attachment::lost(const std::string& why) {
  const bool was = std::exchange(connected_, false);
  log::warn(was ? "the control service is lost; what runs stays"
                : "the control service cannot be reached; what runs stays",
            {{"error", why}});
  if (was && has_configuration()) keep();
  parts_.owner.on_verify_forgotten();
  refresh_hello();
  parts_.owner.on_control_state();
}

// The key stays, so that the folder is whole at every moment.
void Attachment::renewed(const std::string& pem) {
  if (auto written = write_certificate(state_dir_, pem); !written) {
    log::error("the renewed certificate cannot be stored; the old one ends soon",
               {{"error", written.error().detail}});
  }
  log::info("the certificate for the control service is renewed");
  identity_.certificate = pem;
  link_->use_certificate(pem);
  parts_.owner.on_identity_renewed();
}

void Attachment::keep() {
  const WallTime contact =
      parts_.clock.wall() - std::chrono::duration_cast<WallTime::duration>(age());
  const auto saved = kept_.save(remote_.kept(contact));
  if (saved) {
    kept_at_ = *contact_;
    if (std::exchange(keep_failed_, false)) log::info("the configuration is kept again");
    return;
  }
  keep_again_ = parts_.clock.now() + kKeepAgain;
  if (std::exchange(keep_failed_, true)) return;
  log::error("the configuration cannot be kept; a restart without the service has an older one",
             {{"error", saved.error().detail}});
}

// A connection that begins now says what is held now.
void Attachment::refresh_hello() {
  const std::lock_guard lock(shared_->mutex);
  shared_->hello.clear_have();
  for (v1::Inventory& of_type : remote_.inventory()) {
    *shared_->hello.add_have() = std::move(of_type);
  }
}

}  // namespace culvert
