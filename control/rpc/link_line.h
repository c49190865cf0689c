// What may end a live call from another thread: the note why, and the call's cancellation with
// that status. gRPC's synchronous calls block in reading and writing, and only this wakes both.
#pragma once

#include "control/fleet/switchboard.h"

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <mutex>
#include <optional>

namespace culvert::control {

class CallLine : public Line {
 public:
  // The context outlives this.
  explicit CallLine(grpc::ServerContext& context) : context_(context) {}

  void wake() override {}
  void check(Instant) override {}
  // The first reason counts.
  void end(const Error& why) final;

  bool ended() const;
  // The reason; OK where there is none.
  grpc::Status status() const;

 protected:
  // Called once, when it ends.
  virtual void on_end() {}

 private:
  grpc::ServerContext& context_;
  mutable std::mutex mutex_;
  std::optional<grpc::Status> status_;
};

}  // namespace culvert::control
