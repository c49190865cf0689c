// The switchboard is woken outside of the mutex: its lines have locks of their own.
#include "control/fleet/key_tests.h"

#include "control/config/resources.h"
#include "control/fleet/limits.h"

#include <algorithm>
#include <iterator>

namespace culvert::control {
namespace {

constexpr const char* kCommand = "verify_keys";

bool knows(const v1::Hello& hello) {
  const auto& commands = hello.commands();
  return std::find(commands.begin(), commands.end(), kCommand) != commands.end();
}

}  // namespace

void KeyTests::arrived(const Speaker& speaker, const v1::Hello& hello) {
  const std::lock_guard lock(mutex_);
  Presence& presence = present_[speaker.relay];
  if (presence.stream > speaker.stream) return;
  fail_all_of(speaker.relay, "the relay connected anew before it was known");
  presence = {speaker.stream, knows(hello), {}};
}

void KeyTests::left(const Speaker& speaker) {
  const std::lock_guard lock(mutex_);
  const auto found = present_.find(speaker.relay);
  if (found == present_.end() || found->second.stream != speaker.stream) return;
  present_.erase(found);
  fail_all_of(speaker.relay, "the relay left before it was known");
}

std::vector<v1::Command> KeyTests::commands(const Speaker& speaker) {
  const std::lock_guard lock(mutex_);
  const auto found = present_.find(speaker.relay);
  if (found == present_.end() || found->second.stream != speaker.stream) return {};
  std::vector<v1::Command> out(std::make_move_iterator(found->second.commands.begin()),
                               std::make_move_iterator(found->second.commands.end()));
  found->second.commands.clear();
  return out;
}

void KeyTests::heard(const Speaker& speaker, const v1::KeyVerified& verified) {
  const std::lock_guard lock(mutex_);
  const auto found = tasks_.find(verified.request());
  if (found == tasks_.end() || found->second.relay != speaker.relay) return;
  Task& task = found->second;
  if (task.left.erase({verified.pool(), verified.id()}) == 0) return;
  task.heard = clock_.now();
  task.inquiry->answers_.push_back({task.relay, verified});
  if (task.left.empty()) {
    task.inquiry->requests_.erase(found->first);
    tasks_.erase(found);
  }
  changed_.notify_all();
}

std::set<std::string> KeyTests::able() const {
  const std::lock_guard lock(mutex_);
  std::set<std::string> names;
  for (const auto& [name, presence] : present_) {
    if (presence.able) names.insert(name);
  }
  return names;
}

void KeyTests::begin(Inquiry* inquiry, Errand errand) {
  uint64_t request = 0;
  while (request == 0 || tasks_.count(request) != 0) request = random_.next();
  Task& task = tasks_[request];
  task = {inquiry, errand.relay, {}, clock_.now()};
  for (const auto& of_pool : errand.what.pools()) {
    for (const std::string& id : of_pool.ids()) task.left.emplace(of_pool.pool(), id);
  }
  for (const std::string& key : errand.what.keys()) task.left.emplace("", key_id(key));
  inquiry->requests_.insert(request);
  const auto found = present_.find(errand.relay);
  if (found == present_.end()) return fail(request, "the relay is not connected");
  if (!found->second.able) {
    return fail(request, "this relay's version does not test keys for the service");
  }
  errand.what.set_request(request);
  *found->second.commands.emplace_back().mutable_verify_keys() = std::move(errand.what);
}

void KeyTests::fail(uint64_t request, const std::string& why) {
  const auto found = tasks_.find(request);
  Inquiry& inquiry = *found->second.inquiry;
  for (const auto& [pool, id] : found->second.left) {
    Answer& answer = inquiry.answers_.emplace_back();
    answer.relay = found->second.relay;
    answer.verified.set_pool(pool);
    answer.verified.set_id(id);
    answer.verified.set_status(v1::KeyVerified::STATUS_ERROR);
    answer.verified.set_error(why);
  }
  inquiry.requests_.erase(request);
  tasks_.erase(found);
  changed_.notify_all();
}

void KeyTests::fail_all_of(const std::string& relay, const std::string& why) {
  for (auto at = tasks_.begin(); at != tasks_.end();) {
    const auto here = at++;
    if (here->second.relay == relay) fail(here->first, why);
  }
}

void KeyTests::give_up_silent(const Inquiry& inquiry) {
  const Instant since = clock_.now() - limits::kKeyTestSilence;
  const std::set<uint64_t> requests = inquiry.requests_;
  for (const uint64_t request : requests) {
    if (tasks_.at(request).heard > since) continue;
    cancel(request);
    fail(request, "the relay did not say in time");
  }
}

// One that was not told yet is not told at all.
void KeyTests::cancel(uint64_t request) {
  const auto found = present_.find(tasks_.at(request).relay);
  if (found == present_.end()) return;
  auto& commands = found->second.commands;
  const auto waiting = std::find_if(commands.begin(), commands.end(), [&](const auto& command) {
    return command.verify_keys().request() == request;
  });
  if (waiting != commands.end()) {
    commands.erase(waiting);
  } else {
    commands.emplace_back().set_cancel_verify(request);
  }
}

KeyTests::Inquiry::Inquiry(KeyTests& tests, std::vector<Errand> errands) : tests_(tests) {
  std::set<std::string> relays;
  {
    const std::lock_guard lock(tests_.mutex_);
    for (Errand& errand : errands) {
      relays.insert(errand.relay);
      tests_.begin(this, std::move(errand));
    }
  }
  for (const std::string& relay : relays) tests_.switchboard_.wake(relay);
}

KeyTests::Inquiry::~Inquiry() {
  std::set<std::string> relays;
  {
    const std::lock_guard lock(tests_.mutex_);
    for (const uint64_t request : requests_) {
      relays.insert(tests_.tasks_.at(request).relay);
      tests_.cancel(request);
      tests_.tasks_.erase(request);
    }
  }
  for (const std::string& relay : relays) tests_.switchboard_.wake(relay);
}

std::optional<KeyTests::Answer> KeyTests::Inquiry::next(Duration most) {
  std::unique_lock lock(tests_.mutex_);
  tests_.changed_.wait_for(lock, most, [this] { return !answers_.empty() || requests_.empty(); });
  if (answers_.empty()) tests_.give_up_silent(*this);
  if (answers_.empty()) return std::nullopt;
  Answer answer = std::move(answers_.front());
  answers_.pop_front();
  return answer;
}

bool KeyTests::Inquiry::over() const {
  const std::lock_guard lock(tests_.mutex_);
  return answers_.empty() && requests_.empty();
}

}  // namespace culvert::control
