// Findings are collected, not stopped at: an operator mends them all at once.
#include "control/config/change_set.h"

#include "proto/scalars.h"
#include "proto/validate.h"
#include "proto/words.h"
#include "relay/base/secret.h"

#include <algorithm>
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
      if (placed.has_key_pool()) resolve_keys(name, placed.mutable_key_pool());
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

  void resolve_keys(const ResourceName& name, v1::KeyPool* pool) {
    const auto stored = now_.find(name);
    for (int i = 0; i < pool->keys_size(); ++i) {
      const std::string path = "keys[" + std::to_string(i) + "]";
      std::string* key = pool->mutable_keys(i)->mutable_value();
      if (is_reference(*key)) {
        say(name, path,
            in_quotes(*key) +
                " is not read by the service; `culvert apply` reads env: and file: "
                "where it runs, other callers send the value");
      } else if (key->find(kEllipsis) != std::string::npos) {
        unmask(name, path, stored == now_.end() ? nullptr : &stored->second, key);
      }
    }
  }

  void unmask(const ResourceName& name,
              const std::string& path,
              const v1::StoredResource* stored,
              std::string* key) {
    const std::string* found = nullptr;
    int matches = 0;
    const int count = stored == nullptr ? 0 : stored->resource().key_pool().keys_size();
    for (int i = 0; i < count; ++i) {
      const std::string& candidate = stored->resource().key_pool().keys(i).value();
      if (mask(candidate) != *key) continue;
      found = &candidate;
      ++matches;
    }
    if (matches == 1) {
      *key = *found;
    } else {
      say(name, path,
          matches == 0 ? "a masked key that the pool does not have; write the key "
                         "itself"
                       : "a masked key that several keys of the pool look like; write "
                         "the key itself");
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
      if (stored.resource().has_key_pool()) judge_disabled(name, stored.resource(), named);
    }
  }

  void judge_disabled(const ResourceName& name,
                      const v1::Resource& resource,
                      const std::set<std::string>& named) {
    const v1::KeyPool& pool = resource.key_pool();
    if (pool.disabled_size() == 0) return;
    std::set<std::string> ids;
    for (const v1::Secret& key : pool.keys()) ids.insert(key_id(key.value()));
    for (int i = 0; i < pool.disabled_size(); ++i) {
      const std::string path = "disabled[" + std::to_string(i) + "]";
      if (ids.count(pool.disabled(i)) != 0 ||
          named.count(name.kind + "/" + name.name + "/" + path) != 0) {
        continue;
      }
      say(name, path,
          in_quotes(pool.disabled(i)) +
              " is no key of this pool; allowed are the ids that `culvert key list` "
              "shows: 12 hexadecimal digits");
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
