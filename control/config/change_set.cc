// Findings are collected, not stopped at: an operator mends them all at once.
#include "control/config/change_set.h"

#include "proto/scalars.h"
#include "proto/validate.h"
#include "proto/words.h"
#include "relay/base/secret.h"

#include <iterator>
#include <map>
#include <set>

namespace culvert::control {
namespace {

constexpr std::string_view kEllipsis = "…";  // of mask(); no key that a header carries has it

class Compiler {
 public:
  Compiler(const ResourceMap& now, ChangeSet* out) : now_(now), then_(now), out_(out) {}

  void run(const v1::ApplyRequest& asked) {
    for (const v1::Resource& resource : asked.resources()) put(resource);
    for (const v1::Reference& reference : asked.removes()) remove(reference);
    if (out_->findings.empty()) judge();
    if (out_->findings.empty()) compare();
  }

 private:
  void say(const ResourceName& name, const std::string& path, const std::string& message) {
    v1::Finding finding;
    finding.set_kind(name.kind);
    finding.set_name(name.name);
    finding.set_path(path);
    finding.set_message(message);
    out_->findings.push_back(std::move(finding));
  }

  void put(const v1::Resource& resource) {
    const ResourceName name = name_of(resource);
    if (name.kind.empty()) {
      say(name, "", "a resource without a spec; " + std::string(kind_words()));
    } else if (!touched_.insert(name).second) {
      say(name, "", "it comes twice; a name is given once in its kind");
    } else {
      v1::Resource& placed = *then_[name].mutable_resource();
      placed = resource;
      resolve_secrets(name, &placed);
    }
  }

  void remove(const v1::Reference& reference) {
    const ResourceName name{reference.kind(), reference.name()};
    if (!is_kind(name.kind)) {
      say(name, "", "unknown kind " + in_quotes(name.kind) + "; " + std::string(kind_words()));
    } else if (!touched_.insert(name).second) {
      say(name, "", "it comes twice; either it is applied or it is removed, and once");
    } else if (then_.erase(name) == 0) {
      say(name, "", "there is none of this name, so it cannot be removed");
    }
  }

  void resolve_secrets(const ResourceName& name, v1::Resource* resource) {
    const auto known = known_secrets(name);
    each_secret_of(resource, [&](const auto& field, const auto& path, v1::Secret* secret) {
      if (is_reference(secret->value())) {
        say(name, path,
            in_quotes(secret->value()) +
                " is not read by the service; `culvert apply` reads env: and file: "
                "where it runs, other callers send the value");
      } else if (secret->value().find(kEllipsis) != std::string::npos) {
        unmask(name, path, known.equal_range({field, secret->value()}), secret);
      }
    });
  }

  using KnownSecrets = std::multimap<std::pair<std::string, std::string>, std::string>;

  // Of the resource as it stands, by field and masked form.
  KnownSecrets known_secrets(const ResourceName& name) const {
    KnownSecrets known;
    const auto stored = now_.find(name);
    if (stored == now_.end()) return known;
    v1::Resource standing = stored->second.resource();
    each_secret_of(&standing, [&](const auto& field, const auto&, const v1::Secret* secret) {
      known.emplace(std::pair(field, mask(secret->value())), secret->value());
    });
    return known;
  }

  void unmask(const ResourceName& name,
              const std::string& path,
              std::pair<KnownSecrets::const_iterator, KnownSecrets::const_iterator> matches,
              v1::Secret* secret) {
    const auto& [first, end] = matches;
    if (first != end && std::next(first) == end) {
      secret->set_value(first->second);
    } else if (name.kind == "KeyPool") {
      say(name, path,
          first == end ? "a masked key that the pool does not have; write the key itself"
                       : "a masked key that several keys of the pool look like; write the key "
                         "itself");
    } else {
      say(name, path, "a masked secret that does not stand here; write the secret itself");
    }
  }

  void judge() {
    std::set<std::string> named;  // what proto/validate has spoken of already
    for (const Finding& finding : validate(to_resources(then_))) {
      if (finding.kind == "Relay") continue;  // a relay's own settings are not of this service
      say({finding.kind, finding.name}, finding.path, finding.message);
      named.insert(finding.kind + "/" + finding.name + "/" + finding.path);
    }
    for (const auto& [name, stored] : then_) {
      if (stored.resource().has_key_pool()) judge_ids(name, stored.resource().key_pool(), named);
    }
  }

  void judge_ids(const ResourceName& name,
                 const v1::KeyPool& pool,
                 const std::set<std::string>& named) {
    if (pool.disabled_size() == 0 && pool.bind_size() == 0) return;
    std::set<std::string> ids;
    for (const v1::Secret& key : pool.keys()) ids.insert(key_id(key.value()));
    const auto judge_list = [&](const std::string& field, const auto& list) {
      for (int i = 0; i < list.size(); ++i) {
        const std::string path = field + "[" + std::to_string(i) + "]";
        const bool spoken = named.count(name.kind + "/" + name.name + "/" + path) != 0;
        if (ids.count(list[i]) != 0 || spoken) continue;
        say(name, path,
            in_quotes(list[i]) +
                " is no key of this pool; allowed are the ids that `culvert key list` "
                "shows: 12 hexadecimal digits");
      }
    };
    judge_list("disabled", pool.disabled());
    for (int i = 0; i < pool.bind_size(); ++i) {
      judge_list("bind[" + std::to_string(i) + "].keys", pool.bind(i).keys());
    }
  }

  void compare() {
    for (const ResourceName& name : touched_) {
      const auto before = now_.find(name);
      const auto after = then_.find(name);
      v1::StoredChange stored;
      if (before != now_.end()) *stored.mutable_before() = before->second;
      if (after != then_.end()) *stored.mutable_after() = after->second;
      out_->changes.push_back(change_of(name, stored));
      if (out_->changes.back().what() != v1::Change::WHAT_UNCHANGED) {
        out_->changed.emplace(name, std::move(stored));
      }
    }
  }

  static v1::Change change_of(const ResourceName& name, const v1::StoredChange& stored) {
    v1::Change change;
    change.set_kind(name.kind);
    change.set_name(name.name);
    if (stored.has_before() && stored.has_after() &&
        same(stored.before().resource(), stored.after().resource())) {
      change.set_what(v1::Change::WHAT_UNCHANGED);
      return change;
    }
    if (stored.has_before()) change.set_before(to_masked_yaml(stored.before().resource()));
    if (stored.has_after()) change.set_after(to_masked_yaml(stored.after().resource()));
    change.set_what(!stored.has_before()  ? v1::Change::WHAT_CREATED
                    : !stored.has_after() ? v1::Change::WHAT_DELETED
                                          : v1::Change::WHAT_CHANGED);
    return change;
  }

  const ResourceMap& now_;
  ResourceMap then_;
  std::set<ResourceName> touched_;
  ChangeSet* out_;
};

}  // namespace

ChangeSet make_change_set(const ResourceMap& now, const v1::ApplyRequest& asked) {
  ChangeSet set;
  Compiler(now, &set).run(asked);
  return set;
}

}  // namespace culvert::control
