// Does an upstream still take a key? One cheap call with nothing of a client in it: the list of its
// models, or what the upstream's health check names. Used by /verify, by the tests of isolated keys
// and by health checks. Its owner retires it.
#pragma once

#include "relay/flow/attempt.h"
#include "relay/flow/services.h"
#include "relay/keys/pool.h"
#include "relay/keys/refusal_kind.h"
#include "relay/upstream/health_board.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

class KeyCheck;

struct KeyCheckResult {
  enum class Status : uint8_t {
    kGood,   // the upstream takes it
    kBad,    // it refuses it: unknown, suspended, without money
    kError,  // nobody knows: unreachable, overloaded, or the key is good and rate-limited
  };
  Status status = Status::kError;
  std::string error;  // why not; words of the relay, which hold nothing of the key
  RefusalKind kind = RefusalKind::kNone;
  int http_status = 0;  // 0: no answer
};
std::string_view to_string(KeyCheckResult::Status status);  // GOOD, BAD, ERROR

class KeyCheckSink {
 public:
  virtual ~KeyCheckSink() = default;
  virtual void on_key_checked(KeyCheck& check, const KeyCheckResult& result) = 0;  // once
};

// What a pool learns of its key by it.
ProbeResult probe_result(const KeyCheckResult& result);

// The path and query of that call, as they follow a target's base path; "" where no cheap call is
// known.
std::string key_check_path(const Upstream& upstream, const Url& target);

struct KeyCheckOrder {
  std::shared_ptr<const Table> table;  // holds the upstream
  const Upstream& upstream;
  Secret key;
  Exit exit;  // from where it leaves
  Duration most{};              // of the whole check; zero: as long as the health check says
};

class KeyCheck final : public Retirable, private AttemptSink {
 public:
  KeyCheck(WorkerServices& services, KeyCheckOrder order, KeyCheckSink& sink);
  ~KeyCheck() override;

  void start();  // the sink is not called from inside
  void stop();   // no more calls of the sink; what is under way is cancelled
  const std::string& masked() const { return masked_; }

 private:
  void on_connected() override;
  void on_interim(const ResponseHead& /*head*/) override {}
  void on_head(const ResponseHead& head) override;
  void on_body(std::string_view bytes) override;
  void on_end() override;
  void on_attempt_failed(Error error) override;
  void on_upload_drained() override {}

  void attempt(bool fresh);
  void end_attempt();
  bool is_well(int status) const;
  KeyCheckResult judged() const;
  void conclude(KeyCheckResult result);
  void timer_fired();

  WorkerServices& services_;
  KeyCheckOrder order_;
  KeyCheckSink* sink_;
  const std::string masked_;
  Url target_;
  std::shared_ptr<const UpstreamHealth> health_;  // holds what the trial is of
  std::optional<StrategyMemory::Trial> trial_;    // of the upstream's strategies, as requests do
  std::unique_ptr<Attempt> attempt_;
  bool fresh_ = false;
  std::optional<ResponseHead> head_;
  std::string body_;
  size_t read_ = 0;
  std::optional<KeyCheckResult> result_;
  Timer timer_;  // the whole check; then tells the result outside of all calls
};

}  // namespace culvert
