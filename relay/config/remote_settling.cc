// Findings first, because they name their items: a configuration with a thousand bad routes costs a
// few looks instead of a thousand halvings.
#include "relay/config/remote_settling.h"

#include "proto/presets.h"
#include "proto/scalars.h"
#include "proto/validate.h"
#include "proto/words.h"
#include "relay/base/limits.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <utility>

namespace culvert {
namespace {

enum : size_t { kUpstream, kKeyPool, kToken, kRoute, kTunnel, kPeer };
constexpr std::array<const char*, 6> kKinds = {"Upstream", "KeyPool", "Token",
                                               "Route",    "Tunnel",  "Peer"};
constexpr int kLooks = 16;  // each takes away what the last one uncovered

Error unreadable() {
  return Error::ours(Code::kInvalidConfig, Stage::kNone,
                     "the item cannot be read; the relay may be too old for it");
}

template <class Message>
Result<void> parse_into(const std::string& name,
                        const std::string& form,
                        std::map<std::string, Message, std::less<>>* into) {
  Message message;
  if (!message.ParseFromString(form)) return unreadable();
  into->insert_or_assign(name, std::move(message));
  return {};
}

bool has(const Resources& in, size_t type, const std::string& name) {
  switch (type) {
    case kUpstream:
      return in.upstreams.count(name) != 0;
    case kKeyPool:
      return in.key_pools.count(name) != 0;
    case kToken:
      return in.tokens.count(name) != 0;
    case kTunnel:
      return in.tunnels.count(name) != 0;
    case kPeer:
      return in.peers.count(name) != 0;
    default:
      return in.routes.count(name) != 0;
  }
}

void erase(size_t type, const std::string& name, Resources* from) {
  switch (type) {
    case kUpstream:
      from->upstreams.erase(name);
      break;
    case kKeyPool:
      from->key_pools.erase(name);
      break;
    case kToken:
      from->tokens.erase(name);
      break;
    case kTunnel:
      from->tunnels.erase(name);
      break;
    case kPeer:
      from->peers.erase(name);
      break;
    default:
      from->routes.erase(name);
  }
}

void move_to(const RemoteStep& step, Resources* into) {
  if (!step.form) return erase(step.type, step.name, into);
  // Read before, so it cannot fail.
  (void)put_remote(step.type, step.name, *step.form, into);
}

std::string words(const Finding& finding) {
  return finding.path.empty() ? finding.message : finding.path + ": " + finding.message;
}

}  // namespace

Result<void> put_remote(size_t type,
                        const std::string& name,
                        const std::string& form,
                        Resources* into) {
  switch (type) {
    case kUpstream:
      return parse_into(name, form, &into->upstreams);
    case kKeyPool:
      return parse_into(name, form, &into->key_pools);
    case kToken:
      return parse_into(name, form, &into->tokens);
    case kTunnel:
      return parse_into(name, form, &into->tunnels);
    case kPeer:
      return parse_into(name, form, &into->peers);
    default:
      return parse_into(name, form, &into->routes);
  }
}

void leave_out_absent(const Resources& local, Resources* whole) {
  const auto absent = [whole](const v1::Route::Destination& to) {
    const bool upstream =
        whole->upstreams.count(to.upstream()) != 0 || find_preset(to.upstream()) != nullptr;
    return !upstream || (!to.key_pool().empty() && whole->key_pools.count(to.key_pool()) == 0);
  };
  for (auto& [name, route] : whole->routes) {
    auto* to = route.mutable_to();
    if (local.routes.count(name) != 0 || std::all_of(to->begin(), to->end(), absent)) continue;
    for (auto* list : {to, route.mutable_fallback()}) {
      list->erase(std::remove_if(list->begin(), list->end(), absent), list->end());
    }
  }
}

RemoteSettling::RemoteSettling(Resources base, const Resources& local, const Check& check)
    : base_(std::move(base)), local_(local), check_(check) {}

void RemoteSettling::add(RemoteStep step) {
  if (has(local_, step.type, step.name)) {
    // One that goes makes room for the file's own, which is there already.
    if (!step.form) return taken_.push_back(std::move(step));
    return refuse(step, "the relay's own file has the " + std::string(kKinds[step.type]) + " " +
                            in_quotes(step.name) + ", and the file wins; rename one of them");
  }
  if (refuse_unreadable(step) || refuse_references(step)) return;
  steps_.push_back(std::move(step));
}

bool RemoteSettling::refuse_unreadable(const RemoteStep& step) {
  if (!step.form) return false;
  Resources alone;
  const auto read = put_remote(step.type, step.name, *step.form, &alone);
  if (!read) refuse(step, read.error().detail);
  return !read;
}

bool RemoteSettling::refuse_references(const RemoteStep& step) {
  v1::KeyPool pool;
  if (step.type != kKeyPool || !step.form || !pool.ParseFromString(*step.form)) return false;
  for (int i = 0; i < pool.keys_size(); ++i) {
    if (!is_reference(pool.keys(i).value())) continue;
    refuse(step, "keys[" + std::to_string(i) +
                     "]: env: and file: of a control service are not read by its relays; allowed "
                     "is the key itself, which `culvert apply` reads where it runs");
    return true;
  }
  return false;
}

void RemoteSettling::run() {
  if (steps_.empty()) return;
  refuse_named();
  halve(std::exchange(steps_, {}));
}

void RemoteSettling::refuse_named() {
  for (int look = 0; look < kLooks && !steps_.empty(); ++look) {
    Resources whole = base_;
    std::map<std::pair<std::string, std::string>, size_t> by_name;
    for (size_t i = 0; i < steps_.size(); ++i) {
      move_to(steps_[i], &whole);
      by_name.emplace(std::pair(kKinds[steps_[i].type], steps_[i].name), i);
    }
    leave_out_absent(local_, &whole);
    std::map<size_t, std::string> named;
    for (const Finding& finding : validate(whole)) {
      const auto found = by_name.find({finding.kind, finding.name});
      if (found != by_name.end()) named.emplace(found->second, words(finding));
    }
    if (named.empty()) return;
    Steps rest;
    for (size_t i = 0; i < steps_.size(); ++i) {
      const auto flaw = named.find(i);
      if (flaw != named.end()) {
        refuse(steps_[i], flaw->second);
      } else {
        rest.push_back(std::move(steps_[i]));
      }
    }
    steps_ = std::move(rest);
  }
}

void RemoteSettling::halve(Steps steps) {
  if (steps.empty()) return;
  if (checks_ >= limits::kRefusalChecks) {
    for (const RemoteStep& step : steps) {
      refuse(step, "not tried, because too many items of this change cannot be used");
    }
    return;
  }
  const auto tried = try_all(steps);
  if (tried) {
    taken_.insert(taken_.end(), std::make_move_iterator(steps.begin()),
                  std::make_move_iterator(steps.end()));
    return;
  }
  if (steps.size() == 1) return refuse(steps.front(), tried.error().detail);
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  Steps second(std::make_move_iterator(middle), std::make_move_iterator(steps.end()));
  steps.erase(middle, steps.end());
  halve(std::move(steps));
  halve(std::move(second));
}

// On success they are part of what the next ones are tried with.
Result<void> RemoteSettling::try_all(const Steps& steps) {
  ++checks_;
  Resources whole = base_;
  for (const RemoteStep& step : steps) move_to(step, &whole);
  leave_out_absent(local_, &whole);
  const auto findings = validate(whole);
  if (!findings.empty()) {
    const Finding& first = findings.front();
    return Error::ours(Code::kInvalidConfig, Stage::kNone,
                       first.kind + " " + in_quotes(first.name) + ": " + words(first));
  }
  CULVERT_CHECK(check_(whole));
  base_ = std::move(whole);
  return {};
}

void RemoteSettling::refuse(const RemoteStep& step, std::string message) {
  refused_.push_back({step.type, step.name, std::move(message)});
}

}  // namespace culvert
