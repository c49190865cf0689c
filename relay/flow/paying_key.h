// The key of a pool that pays for one request: chosen again after each refusal, and told how the
// upstream took it. Owned by the session; where the caller brings a single key of its own, it holds
// none and every answer passes.
#pragma once

#include "relay/codec/response_parser.h"
#include "relay/flow/services.h"
#include "relay/gate/admission.h"
#include "relay/keys/pool.h"
#include "relay/keys/refusal_kind.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace culvert {

class PayingKey {
 public:
  PayingKey(WorkerServices& services, const Table& table);

  struct Asked {
    const std::string& upstream;
    Payer payer;
    const Credentials& credentials;
    std::string_view model;         // "" where it is not known
    const std::string& pool;        // of the destination; "": the upstream's own
    std::string_view conversation;  // or the caller: whose key stays the same, in a sticky pool
  };
  // Whether `conversation` matters, so that it is worth waiting for the beginning of the prompt.
  bool sticky(const Asked& asked);
  // The next key that this request has not tried. Errors: as KeyPoolState::choose.
  Result<void> choose(const Asked& asked);

  const Secret* secret() const { return lease_ ? &lease_->key() : nullptr; }
  const std::string& masked() const { return masked_; }  // for the log; "" where nobody pays

  // Whether the pool has keys that this request has not tried, and may.
  bool another() const;

  Exit way_out() const { return lease_ ? lease_->way_out() : Exit(); }

  enum class Verdict : uint8_t {
    kPass,         // the answer is the client's
    kReadRefusal,  // perhaps it is about the key: keep() its body, then conclude()
    kRefused,      // it is about the key: set_aside(), choose() and another try
  };
  Verdict judge(const ResponseHead& head);
  bool reading_refusal() const { return refusal_.has_value(); }
  bool keep(std::string_view bytes);  // true: enough was read
  // What was read decides: kPass or kRefused. In both cases the answer stays kept; where it passes,
  // it is the client's from its head on, and what follows comes as usual.
  Verdict conclude();

  // The key had its chance: what its refusal said is reported, and it is let go of.
  void set_aside();
  // The last refusal says more to the client than that no key is left: it is about what was asked.
  bool worth_telling() const { return kept_ && last_.kind == RefusalKind::kOtherKey; }
  struct Kept {
    ResponseHead head;
    std::string body;  // as far as it was read
  };
  const ResponseHead& kept_head() const { return kept_->head; }  // after conclude()
  std::optional<Kept> take_kept() { return std::exchange(kept_, std::nullopt); }

  // What the answer has used, once it is known; before release().
  void count_tokens(uint64_t tokens);
  void release() { lease_.reset(); }

 private:
  void find_pool(const Asked& asked);
  void count(std::string_view verdict);

  WorkerServices& services_;
  const Table& table_;
  std::string upstream_;
  std::string destinations_pool_;
  std::string masked_;
  bool configured_ = false;  // the pool is the operator's
  std::shared_ptr<const KeyPoolState> pool_;
  std::optional<Lease> lease_;
  std::vector<size_t> tried_;
  std::optional<Kept> refusal_;  // being read
  std::optional<Kept> kept_;     // read
  KeyRefusal last_;
};

}  // namespace culvert
