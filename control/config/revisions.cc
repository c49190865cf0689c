// A change is one transaction on the condition that the head is where it was when the change was
// compiled; a lost race is compiled again.
#include "control/config/revisions.h"

#include "control/config/change_set.h"
#include "control/config/times.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace culvert::control {
namespace {

constexpr const char* kRevisionPrefix = "config/revision/";
constexpr const char* kChangePrefix = "config/change/";
constexpr int kRaces = 20;
constexpr uint32_t kHistoryDefault = 50;
constexpr uint32_t kHistoryMost = 1000;

std::string revision_key(uint64_t number) { return kRevisionPrefix + digits(number); }
std::string changes_of(uint64_t number) { return kChangePrefix + digits(number) + "/"; }

uint64_t number_in(const std::string& key) {  // of changes_of()
  return number_of(std::string_view(key).substr(std::string_view(kChangePrefix).size()));
}

Error moved_on(uint64_t expected, uint64_t now) {
  return Error::client(Code::kConflict, Stage::kNone,
                       fmt::format("the configuration is at revision {}, not at {}: look at what "
                                   "changed, then apply again",
                                   now, expected));
}

v1::Revision summary(const ChangeSet& set) {
  v1::Revision revision;
  for (const v1::Change& change : set.changes) {
    if (change.what() == v1::Change::WHAT_UNCHANGED) continue;
    v1::Change& kept = *revision.add_changes();
    kept = change;
    kept.clear_before();
    kept.clear_after();
  }
  return revision;
}

}  // namespace

struct Revisions::Order {
  const v1::ApplyRequest* asked = nullptr;  // null: back to `target`
  const v1::RollbackRequest* target = nullptr;
  const std::string& by;

  bool dry_run() const { return asked != nullptr ? asked->dry_run() : target->dry_run(); }
  std::optional<uint64_t> expected() const {
    if (asked != nullptr && asked->has_expected_revision()) return asked->expected_revision();
    if (target != nullptr && target->has_expected_revision()) return target->expected_revision();
    return std::nullopt;
  }
  std::string comment() const {
    if (asked != nullptr) return asked->comment();
    return target->comment().empty() ? fmt::format("rollback to revision {}", target->revision())
                                     : target->comment();
  }
};

Revisions::Revisions(Store& store, LiveConfiguration& live, const Clock& clock, uint64_t kept)
    : store_(store), live_(live), clock_(clock), kept_(kept) {}

Result<v1::ApplyReply> Revisions::apply(const v1::ApplyRequest& request, const std::string& by) {
  return change({.asked = &request, .target = nullptr, .by = by});
}

Result<v1::ApplyReply> Revisions::rollback(const v1::RollbackRequest& request,
                                           const std::string& by) {
  return change({.asked = nullptr, .target = &request, .by = by});
}

// What has to be asked for so that `now` becomes `then`.
static v1::ApplyRequest way_to(const ResourceMap& now, const ResourceMap& then) {
  v1::ApplyRequest request;
  for (const auto& [name, stored] : then) {
    const auto standing = now.find(name);
    if (standing != now.end() && same(standing->second.resource(), stored.resource())) continue;
    *request.add_resources() = stored.resource();
  }
  for (const auto& [name, stored] : now) {
    if (then.count(name) != 0) continue;
    v1::Reference& remove = *request.add_removes();
    remove.set_kind(name.kind);
    remove.set_name(name.name);
  }
  return request;
}

Result<v1::ApplyReply> Revisions::change(const Order& order) {
  const std::lock_guard lock(changing_);
  for (int race = 0; race < kRaces; ++race) {
    const auto contents = live_.contents();
    const uint64_t now = contents->state->revision;
    const auto expected = order.expected();
    if (expected && *expected != now) {
      // Perhaps another replica's change has not arrived here yet.
      CULVERT_CHECK(live_.refresh());
      if (live_.contents()->head == contents->head) return moved_on(*expected, now);
      continue;
    }
    const ChangeSet set =
        order.asked != nullptr
            ? make_change_set(contents->resources, *order.asked)
            : make_change_set(contents->resources,
                              way_to(contents->resources,
                                     CULVERT_TRY(at(*contents, order.target->revision()))));
    v1::ApplyReply reply;
    reply.set_revision(now);
    reply.mutable_changes()->Assign(set.changes.begin(), set.changes.end());
    reply.mutable_findings()->Assign(set.findings.begin(), set.findings.end());
    if (!set.findings.empty() || order.dry_run() || set.changed.empty()) return reply;
    const bool written = CULVERT_TRY(write(*contents, order, set));
    CULVERT_CHECK(live_.refresh());
    if (!written) continue;
    reply.set_revision(now + 1);
    return reply;
  }
  return Error::ours(Code::kConflict, Stage::kNone,
                     "others change the configuration at the same time, again and again; try "
                     "again");
}

Result<bool> Revisions::write(const Contents& contents, const Order& order, const ChangeSet& set) {
  const uint64_t number = contents.state->revision + 1;
  v1::Revision revision = summary(set);
  revision.set_number(number);
  *revision.mutable_time() = to_timestamp(clock_.wall());
  revision.set_by(order.by);
  revision.set_comment(order.comment());
  std::vector<Write> writes = CULVERT_TRY(dropped(number));
  for (const auto& [name, planned] : set.changed) {
    v1::StoredChange change = planned;
    std::optional<std::string> value;
    if (change.has_after()) {
      change.mutable_after()->set_revision(number);
      *change.mutable_after()->mutable_changed() = revision.time();
      change.mutable_after()->set_changed_by(order.by);
      value = change.after().SerializeAsString();
    }
    writes.push_back({resource_key(name), std::move(value)});
    writes.push_back(
        {changes_of(number) + name.kind + "/" + name.name, change.SerializeAsString()});
  }
  writes.push_back({revision_key(number), revision.SerializeAsString()});
  v1::StoredHead head;
  head.set_revision(number);
  writes.push_back({kHeadKey, head.SerializeAsString()});
  return CULVERT_TRY(store_.commit({{kHeadKey, contents.head}}, writes)).done;
}

// The oldest revision goes when one more than `kept_` is there.
Result<std::vector<Write>> Revisions::dropped(uint64_t number) {
  std::vector<Write> writes;
  if (number <= kept_) return writes;
  const uint64_t oldest = number - kept_;
  CULVERT_CHECK(each_entry(store_, changes_of(oldest), {}, [&](const Entry& entry) {
    writes.push_back({entry.key, std::nullopt});
    return Result<void>();
  }));
  writes.push_back({revision_key(oldest), std::nullopt});
  return writes;
}

Result<void> Revisions::check_kept(uint64_t head, uint64_t revision) const {
  if (revision > head) {
    return Error::client(Code::kNotFound, Stage::kNone,
                         fmt::format("there is no revision {}; the newest is {}", revision, head));
  }
  if (head > kept_ && revision < head - kept_) {
    return Error::client(Code::kNotKept, Stage::kNone,
                         fmt::format("revision {} is not kept; the oldest that can be read is {}",
                                     revision, head - kept_));
  }
  return {};
}

// Backwards from now: of each resource the first change after `revision` says how it was then.
Result<ResourceMap> Revisions::at(const Contents& contents, uint64_t revision) {
  const uint64_t head = contents.state->revision;
  CULVERT_CHECK(check_kept(head, revision));
  ResourceMap then = contents.resources;
  std::set<ResourceName> undone;
  const std::string after = kChangePrefix + digits(revision) + "0";  // '0' follows '/'
  CULVERT_CHECK(each_entry(store_, kChangePrefix, after, [&](const Entry& entry) -> Result<void> {
    if (number_in(entry.key) > head) return {};
    v1::StoredChange change;
    if (!change.ParseFromString(entry.value)) return unreadable(entry.key);
    const auto& known = change.has_before() ? change.before() : change.after();
    const ResourceName name = name_of(known.resource());
    if (!undone.insert(name).second) return {};
    if (change.has_before()) {
      then[name] = change.before();
    } else {
      then.erase(name);
    }
    return {};
  }));
  return then;
}

Result<v1::GetReply> Revisions::get(const v1::GetRequest& request) {
  if (!request.kind().empty() && !is_kind(request.kind())) {
    return Error::client(Code::kBadRequest, Stage::kNone,
                         fmt::format("unknown kind \"{}\"; {}", request.kind(), kind_words()));
  }
  if (request.kind().empty() && !request.name().empty()) {
    return Error::client(Code::kBadRequest, Stage::kNone, "a name without its kind");
  }
  const auto contents = live_.contents();
  v1::GetReply reply;
  reply.set_revision(request.has_revision() ? request.revision() : contents->state->revision);
  const ResourceMap then =
      request.has_revision() ? CULVERT_TRY(at(*contents, request.revision())) : contents->resources;
  for (const auto& [name, stored] : then) {
    if (!request.kind().empty() && request.kind() != name.kind) continue;
    if (!request.name().empty() && request.name() != name.name) continue;
    v1::StoredResource& shown = *reply.add_resources();
    shown = stored;
    mask_secrets(shown.mutable_resource());
  }
  if (!request.name().empty() && reply.resources_size() == 0) {
    return Error::client(Code::kNotFound, Stage::kNone,
                         fmt::format("there is no {} \"{}\"", request.kind(), request.name()));
  }
  return reply;
}

Result<v1::HistoryReply> Revisions::history(const v1::HistoryRequest& request) {
  const uint64_t limit =
      std::min(request.limit() == 0 ? kHistoryDefault : request.limit(), kHistoryMost);
  const uint64_t newest = live_.current()->revision;
  const uint64_t end = std::min(request.has_before() ? request.before() : newest + 1, newest + 1);
  const uint64_t first = end > limit ? end - limit : 1;
  v1::HistoryReply reply;
  if (end <= first) return reply;
  const auto entries = CULVERT_TRY(
      store_.list(kRevisionPrefix, static_cast<size_t>(end - first), revision_key(first - 1)));
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    v1::Revision revision;
    if (!revision.ParseFromString(entry->value)) return unreadable(entry->key);
    if (revision.number() < end) *reply.add_revisions() = std::move(revision);
  }
  return reply;
}

Result<v1::Revision> Revisions::revision(uint64_t number) {
  v1::Revision revision;
  if (CULVERT_TRY(load_message(store_, revision_key(number), &revision)) != 0) return revision;
  CULVERT_CHECK(check_kept(live_.current()->revision, number));
  return Error::client(Code::kNotKept, Stage::kNone,
                       fmt::format("revision {} is not kept", number));
}

}  // namespace culvert::control
