// What the control service wants of this relay, and what of it runs: the relay's own file and the
// remote items together have to be a configuration that can be used, and an item that is in the way
// is refused alone. Pure but for the check that the owner passes in. Main thread.
#pragma once

#include "culvert/v1/kept.pb.h"
#include "culvert/v1/link.pb.h"
#include "proto/resources.h"
#include "relay/base/clock.h"
#include "relay/base/result.h"

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

// In the order in which things are made: each refers to those before it only.
inline constexpr std::array<std::string_view, 6> kRemoteTypes = {"upstream", "key_pool", "token",
                                                                 "route",    "tunnel",   "peer"};

class RemoteConfig {
 public:
  // Whether resources can be used as a whole, beyond proto/validate: they are compiled, say.
  using Check = std::function<Result<void>(const Resources& whole)>;

  // Takes over one type's change and makes as much run as can. `local`: the relay's own file, which
  // wins over a remote item of the same name. The first answer is to the change and names what is
  // refused of its type; others follow, without a nonce, for types that it changed as well: a route
  // that waited for this upstream runs now. The type is one of kRemoteTypes.
  std::vector<v1::TypeAck> apply(const v1::TypeUpdate& change,
                                 const Resources& local,
                                 const Check& check);

  // All again, after a start from the cache or a change of the file. Answers without a nonce.
  std::vector<v1::TypeAck> settle_again(const Resources& local, const Check& check);

  // `local` with what runs on top. stale: the service has been away for too long, so that tokens
  // are left out and keys withheld, for they may have been revoked.
  Resources merged(const Resources& local, bool stale) const;

  // What runs of each type that ever came, without a nonce.
  std::vector<v1::TypeAck> answers() const;

  // Of everything that came, refused or not: it needs no sending again.
  std::vector<v1::Inventory> inventory() const;
  // For the cache, and back. Error: one sentence; what was there is kept.
  std::string kept(WallTime contact) const;
  Result<WallTime> restore(std::string_view kept);  // gives the time of the last contact

  // Of what runs (16 bytes): of a type, and over all types.
  std::string type_hash(std::string_view type) const;
  std::string overall_hash() const;
  size_t items() const;  // wanted
  size_t refused() const;
  bool empty() const;  // nothing ever came
  // Of the configuration, as operators count; nullopt where the service has not told.
  std::optional<uint64_t> revision() const { return revision_; }
  void set_revision(uint64_t revision) { revision_ = revision; }

 private:
  struct Item {
    std::optional<std::string> wanted;   // nullopt: removed, but in use by what stays
    std::optional<std::string> running;  // nullopt: refused without an older form
    std::string refusal;                 // why `wanted` is not what runs
  };
  using Items = std::map<std::string, Item, std::less<>>;
  struct Type {
    uint64_t version = 0;  // the service's generation; 0: nothing ever came
    Items items;
  };
  // One item on its way from the form that runs to the one that is wanted.
  struct Step {
    size_t type;
    std::string name;
    std::optional<std::string> form;
  };
  class Settling;
  void settle(const Resources& local, const Check& check);
  std::vector<Step> steps() const;
  void take(const Step& step);
  v1::TypeAck answer(size_t type) const;

  std::array<Type, kRemoteTypes.size()> types_;
  std::optional<uint64_t> revision_;
};

// The index in kRemoteTypes; nullopt for a type that this version does not know.
std::optional<size_t> remote_type(std::string_view type);

// The first 16 bytes of SHA-256 over an item's spec.
std::string item_hash(std::string_view spec);

}  // namespace culvert
