// One Sync call: a thread that reads into a bounded inbox, and the call's own thread that hears,
// speaks and writes. Lives on the stack of the call.
#pragma once

#include "control/fleet/dialogue.h"
#include "control/rpc/link_line.h"
#include "culvert/v1/link.grpc.pb.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

namespace culvert::control {

class SyncCall final : public CallLine {
 public:
  using Stream = grpc::ServerReaderWriter<v1::SyncDown, v1::SyncUp>;

  // `patience`: how long the relay may take to take a message.
  SyncCall(grpc::ServerContext& context, Stream& stream, const Clock& clock, Duration patience)
      : CallLine(context), stream_(stream), clock_(clock), patience_(patience) {}

  // Returns when the call is over, with its status.
  grpc::Status run(Dialogue& dialogue);
  void wake() override;
  void check(Instant now) override;

 private:
  void read_all();
  Result<void> converse(Dialogue& dialogue);
  bool write(const v1::SyncDown& message);
  // The next message; nullopt where there is none yet, after a wake-up or at `until`.
  std::optional<v1::SyncUp> take(Instant until);
  bool heard_out() const;
  bool over() const;
  void on_end() override;

  Stream& stream_;
  const Clock& clock_;
  Duration patience_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<v1::SyncUp> inbox_;
  std::optional<Instant> writing_;  // since when
  bool woken_ = false;
  bool read_out_ = false;  // the relay says no more
  bool done_ = false;      // nothing is heard any more
};

}  // namespace culvert::control
