// The key of a pool that pays for one request: chosen again after each refusal, and told how the
// upstream took it. Owned by the session; where the caller brings a single key of its own, it holds
// none and every answer passes.
#pragma once

#include "relay/codec/response_parser.h"
#include "relay/flow/services.h"
#include "relay/gate/admission.h"
#include "relay/keys/pool.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

class PayingKey {
 public:
  PayingKey(WorkerServices& services, const Table& table);

  struct Asked {
    const std::string& upstream;
    Payer payer;
    const Credentials& credentials;
    std::string sticky;  // equal for one caller
  };
  // The next key that this request has not tried. Errors: as KeyPoolState::choose.
  Result<void> choose(const Asked& asked);

  const Secret* secret() const { return lease_ ? &lease_->key() : nullptr; }
  const std::string& masked() const { return masked_; }  // for the log; "" where nobody pays

  enum class Verdict : uint8_t {
    kPass,         // the answer is the client's
    kRefused,      // it is about the key: next() and another try
    kReadRefusal,  // the same, but its body may say when to come again: keep() until it is enough
  };
  Verdict judge(const ResponseHead& head);
  bool reading_refusal() const { return refusal_.has_value(); }
  bool keep(std::string_view bytes);  // true: enough was read

  // The key had its chance: reports what its refusal said and lets go of it.
  void set_aside();
  void release() { lease_.reset(); }

 private:
  void count(std::string_view verdict);

  WorkerServices& services_;
  const Table& table_;
  std::string upstream_;
  std::string masked_;
  bool configured_ = false;  // the pool is the operator's
  std::shared_ptr<const KeyPoolState> pool_;
  std::optional<Lease> lease_;
  std::vector<size_t> tried_;
  std::optional<ResponseHead> refusal_;
  std::string refusal_body_;
};

}  // namespace culvert
