// One reader, one writer, and the two side streams.
#include "relay/config/control_link_streams.h"

#include "relay/base/limits.h"
#include "relay/base/log.h"
#include "relay/config/control_link_channel.h"
#include "relay/config/remote_config.h"
#include "relay/crypto/certificates.h"

#include <fmt/format.h>

namespace culvert {
namespace {

constexpr auto kTick = std::chrono::seconds(1);  // of what is looked at without an event
constexpr size_t kOutbox = 4096;
constexpr auto kUsageWait = std::chrono::milliseconds(200);

// The first failing bound, in words; empty: none.
std::string bound_broken(const v1::TypeUpdate& update) {
  const auto items = static_cast<size_t>(update.upserts_size() + update.removes_size());
  if (items > limits::kLinkItems) return "more items than a relay takes";
  if (update.ByteSizeLong() > limits::kLinkTypeBytes) return "more bytes than a relay takes";
  for (const v1::Item& item : update.upserts()) {
    if (item.spec().size() > limits::kLinkItemBytes) return "an item larger than a relay takes";
  }
  return {};
}

void gather(v1::TypeUpdate piece, v1::TypeUpdate* whole) {
  whole->set_type(piece.type());
  whole->set_version(piece.version());
  whole->set_nonce(piece.nonce());
  if (piece.has_revision()) whole->set_revision(piece.revision());
  whole->mutable_upserts()->MergeFrom(piece.upserts());
  whole->mutable_removes()->MergeFrom(piece.removes());
}

// At two thirds of its life, and not later than a relay notices that it is over.
WallTime renewal_of(const std::string& certificate) {
  const auto info = read_certificate(certificate);
  if (!info) return {};
  return info->from + (info->until - info->from) * 2 / 3;
}

}  // namespace

LinkStreams::LinkStreams(std::shared_ptr<grpc::Channel> channel,
                         const ControlLink::Parts& parts,
                         const Identity& identity)
    : stub_(v1::RelayLink::NewStub(channel)),
      parts_(parts),
      identity_(identity),
      renew_at_(renewal_of(identity.certificate)) {}

LinkStreams::~LinkStreams() = default;

std::string LinkStreams::run(v1::Hello hello) {
  instance_ = hello.instance();
  const auto sync = stub_->Sync(&sync_context_);
  v1::SyncUp first;
  *first.mutable_hello() = std::move(hello);
  send(std::move(first));
  {
    const std::lock_guard lock(mutex_);
    heard_ = parts_.clock.now();
  }
  std::thread writer([&] { write_all(*sync); });
  std::thread metrics([this] { report_metrics(); });
  std::thread usage([this] { send_usage(); });
  v1::SyncDown message;
  while (sync->Read(&message)) {
    if (!take(std::move(message))) {
      sync_context_.TryCancel();
      break;
    }
    message.Clear();
  }
  end({});  // not Sync itself, which the service ended with its reason
  writer.join();
  metrics.join();
  usage.join();
  const grpc::Status status = sync->Finish();
  const std::lock_guard lock(mutex_);
  return why_.empty() ? words(status) : why_;
}

void LinkStreams::send(v1::SyncUp message) {
  const std::lock_guard lock(mutex_);
  if (ending_ || outbox_.size() >= kOutbox) return;
  outbox_.push_back(std::move(message));
  changed_.notify_all();
}

void LinkStreams::cancel(std::string why) {
  end(std::move(why));
  sync_context_.TryCancel();
}

void LinkStreams::end(std::string why) {
  {
    const std::lock_guard lock(mutex_);
    if (why_.empty()) why_ = std::move(why);
    ending_ = true;
    changed_.notify_all();
  }
  metrics_context_.TryCancel();
  ledger_context_.TryCancel();
}

bool LinkStreams::wait(Duration most) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, most, [this] { return ending_; });
  return !ending_;
}

// Also looks, once a second, whether the certificate is old and whether the service is silent.
void LinkStreams::write_all(Sync& sync) {
  for (;;) {
    v1::SyncUp message;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kTick, [this] { return ending_ || !outbox_.empty(); });
      if (ending_) return;
      if (!outbox_.empty()) {
        message = std::move(outbox_.front());
        outbox_.pop_front();
      } else if (parts_.clock.now() - heard_ > limits::kLinkSilence) {
        lock.unlock();
        return cancel("the service is silent");
      }
    }
    if (message.kind_case() == v1::SyncUp::KIND_NOT_SET) {
      renew_when_due();
    } else if (!sync.Write(message)) {
      return;  // the reader is told why
    }
  }
}

void LinkStreams::renew_when_due() {
  if (!welcomed_.load() || parts_.clock.wall() < renew_at_) return;
  renew_at_ = parts_.clock.wall() + std::chrono::minutes(1);  // until then it has been answered
  auto request = make_signing_request(identity_.key, identity_.name);
  if (!request) {
    return log::error("the certificate cannot be renewed", {{"error", request.error().detail}});
  }
  v1::SyncUp message;
  message.set_signing_request(std::move(request).value());
  send(std::move(message));
}

bool LinkStreams::take(v1::SyncDown message) {
  {
    const std::lock_guard lock(mutex_);
    heard_ = parts_.clock.now();
  }
  parts_.events.on_alive();
  if (!welcomed_.load() && !message.has_welcome()) {
    cancel("the service did not begin with a Welcome");
    return false;
  }
  switch (message.kind_case()) {
    case v1::SyncDown::kWelcome:
      welcomed_.store(true);
      parts_.events.on_welcome(std::move(*message.mutable_welcome()));
      return true;
    case v1::SyncDown::kUpdate:
      return take_update(std::move(*message.mutable_update()));
    case v1::SyncDown::kCertificate:
      take_certificate(message.certificate());
      return true;
    case v1::SyncDown::kCommand:
      obey(std::move(*message.mutable_command()));
      return true;
    case v1::SyncDown::kStanding:
      parts_.events.on_standing(message.standing().revision());
      return true;
    case v1::SyncDown::kPulse: {
      v1::SyncUp answer;
      answer.mutable_pulse()->set_number(message.pulse().number());
      send(std::move(answer));
      return true;
    }
    default:
      log::info("a message of the control service is of a kind that this version does not know");
      return true;
  }
}

void LinkStreams::obey(v1::Command command) {
  switch (command.kind_case()) {
    case v1::Command::kDrain:
      return parts_.events.on_drain(command.drain());
    case v1::Command::kVerifyKeys:
      return parts_.events.on_verify_keys(std::move(*command.mutable_verify_keys()));
    case v1::Command::kCancelVerify:
      return parts_.events.on_cancel_verify(command.cancel_verify());
    case v1::Command::KIND_NOT_SET:
      log::info("a command of the control service is of a kind that this version does not know");
  }
}

bool LinkStreams::take_update(v1::TypeUpdate update) {
  if (!remote_type(update.type())) {
    refuse_type(update);
    return true;
  }
  const std::string type = update.type();
  const bool more = update.more();
  v1::TypeUpdate& whole = gathered_[type];
  if (whole.version() != update.version()) whole.Clear();  // one that was never completed
  gather(std::move(update), &whole);
  if (const std::string broken = bound_broken(whole); !broken.empty()) {
    cancel(type + ": " + broken);
    return false;
  }
  if (more) return true;
  v1::TypeUpdate complete = std::move(whole);
  gathered_.erase(type);
  parts_.events.on_change(std::move(complete));
  return true;
}

void LinkStreams::refuse_type(const v1::TypeUpdate& update) {
  if (update.more()) return;
  log::info("a type of the control service is not known to this version and is left out",
            {{"type", update.type().substr(0, 60)}});
  v1::SyncUp answer;
  v1::TypeAck* ack = answer.mutable_ack();
  ack->set_type(update.type());
  ack->set_version(update.version());
  ack->set_nonce(update.nonce());
  ack->set_unknown_type(true);
  send(std::move(answer));
}

void LinkStreams::take_certificate(const std::string& pem) {
  auto sound = verify_certificate(pem, identity_.authority, parts_.clock.wall());
  if (sound && !keys_match(pem, identity_.key)) {
    sound = Error::ours(Code::kInvalidConfig, Stage::kNone, "it is of another key");
  }
  if (!sound) {
    return log::warn("the renewed certificate is not used", {{"error", sound.error().detail}});
  }
  parts_.events.on_certificate(pem);
}

void LinkStreams::report_metrics() {
  if (!parts_.fill_metrics) return;
  v1::MetricsDone done;
  const auto stream = stub_->Metrics(&metrics_context_, &done);
  while (wait(limits::kMetricsEvery)) {
    if (!welcomed_.load()) continue;
    v1::MetricsReport report;
    parts_.fill_metrics(&report);
    if (!stream->Write(report)) break;
  }
  stream->WritesDone();
  (void)stream->Finish();
}

void LinkStreams::send_usage() {
  if (parts_.usage == nullptr) return;
  const auto stream = stub_->Ledger(&ledger_context_);
  parts_.usage->rewind();
  uint64_t number = 0;
  bool more = false;
  while (wait(more ? Duration::zero() : Duration(kUsageWait))) {
    UsageBatch batch = parts_.usage->next_batch(limits::kLedgerBatch);
    more = !batch.empty();
    if (!more) continue;
    v1::LedgerBatch message;
    message.set_number(++number);
    message.set_lost(batch.lost);
    message.set_instance(instance_);
    for (v1::UsageRecord& record : batch.records) *message.add_records() = std::move(record);
    v1::LedgerAck ack;
    bool there = stream->Write(message);
    while (there && ack.number() < number) there = stream->Read(&ack);
    if (!there) break;
    parts_.usage->acknowledged(batch.end);
  }
  stream->WritesDone();
  (void)stream->Finish();
}

}  // namespace culvert
