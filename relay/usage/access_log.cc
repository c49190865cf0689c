// Gathering, writing, and the form of a line.
#include "relay/usage/access_log.h"

#include "relay/base/kept_text.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

namespace culvert {
namespace {

// A line is written so much later at most; short enough for who follows the log by eye.
constexpr std::chrono::milliseconds kGather{20};
constexpr size_t kMuch = 64 * 1024;  // is written before

void time_field(JsonWriter& json, JsonName name, double value_ms) {
  if (value_ms >= 0) json.field(name, value_ms);
}

void text_field(JsonWriter& json, JsonName name, std::string_view text) {
  if (!text.empty()) json.field(name, text);
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk:
      return "ok";
    case Outcome::kClientError:
      return "client_error";
    case Outcome::kUpstreamError:
      return "upstream_error";
    case Outcome::kRelayError:
      return "relay_error";
    case Outcome::kAborted:
      return "aborted";
    case Outcome::kTruncated:
      return "truncated";
  }
  return "relay_error";
}

Outcome outcome_of(Fault fault) {
  switch (fault) {
    case Fault::kClient:
      return Outcome::kClientError;
    case Fault::kUpstream:
      return Outcome::kUpstreamError;
    case Fault::kOurs:
      return Outcome::kRelayError;
  }
  return Outcome::kRelayError;
}

std::string_view to_string(UsageClass usage) {
  switch (usage) {
    case UsageClass::kDelivered:
      return "delivered";
    case UsageClass::kAborted:
      return "aborted";
    case UsageClass::kTruncated:
      return "truncated";
    case UsageClass::kEstimated:
      return "estimated";
    case UsageClass::kRefused:
      return "refused";
  }
  return "refused";
}

void write_json(const RequestRecord& record, JsonWriter* writer) {
  JsonWriter& json = *writer;
  json.begin_object();
  std::string time = rfc3339(record.time);
  json.field("time", time).field("id", record.id);
  keep_text(std::move(time));
  text_field(json, "client", record.client);
  text_field(json, "method", record.method);
  text_field(json, "mode", record.mode);
  text_field(json, "route", record.route);
  text_field(json, "upstream", record.upstream);
  text_field(json, "path", record.path);
  text_field(json, "key", record.key);
  text_field(json, "model", record.model);
  text_field(json, "tenant", record.tenant);
  text_field(json, "token_id", record.token_id);
  json.field("status", record.status).field("outcome", to_string(record.outcome));
  text_field(json, "stage", to_string(record.stage));
  text_field(json, "error", record.error);
  text_field(json, "close", record.close);
  json.field("bytes_in", record.bytes_in).field("bytes_out", record.bytes_out);
  if (record.tokens_in) json.field("tokens_in", *record.tokens_in);
  if (record.tokens_out) json.field("tokens_out", *record.tokens_out);
  if (record.tokens_cached) json.field("tokens_cached", *record.tokens_cached);
  if (record.tokens_reasoning) json.field("tokens_reasoning", *record.tokens_reasoning);
  if (record.usage) json.field("usage", to_string(*record.usage));
  text_field(json, "strategy", record.strategy);
  json.field("attempts", record.attempts).field("reused", record.reused);
  if (record.heartbeats > 0) json.field("heartbeats", record.heartbeats);
  if (record.resumed > 0) json.field("resumed", record.resumed);
  if (record.seam_removed > 0) json.field("seam_removed", record.seam_removed);
  text_field(json, "gave_up", record.gave_up);
  text_field(json, "last_cut", record.last_cut);
  text_field(json, "unknown_finish", record.unknown_finish);
  if (record.kept) json.field("kept", true).field("readers", record.readers);
  time_field(json, "left_ms", record.left_ms);
  time_field(json, "resolve_ms", record.resolve_ms);
  time_field(json, "connect_ms", record.connect_ms);
  time_field(json, "tls_ms", record.tls_ms);
  time_field(json, "first_byte_ms", record.first_byte_ms);
  time_field(json, "first_token_ms", record.first_token_ms);
  json.field("total_ms", record.total_ms);
  json.end_object();
}

AccessLog::AccessLog(int fd) : fd_(fd), thread_([this] { run(); }) {}

AccessLog::~AccessLog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void AccessLog::add(std::string_view line) {
  bool wakes = false;
  {
    const std::lock_guard lock(mutex_);
    const size_t before = queued_.size();
    queued_.reserve(before + line.size() + 1);  // all of a line or none
    queued_.append(line).push_back('\n');
    wakes = before == 0 || (before < kMuch && queued_.size() >= kMuch);
    if (queued_.size() > kQueued) drop_oldest();
  }
  if (wakes) wake_.notify_one();
}

// Some more than is needed, so that not every further line moves all the others.
void AccessLog::drop_oldest() {
  const auto cut = queued_.find('\n', std::min(queued_.size() - 1, kQueued / 16)) + 1;
  lost_ += static_cast<uint64_t>(
      std::count(queued_.begin(), queued_.begin() + static_cast<std::ptrdiff_t>(cut), '\n'));
  queued_.erase(0, cut);
}

void AccessLog::run() {
  std::string lines;
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queued_.empty(); });
    if (queued_.empty()) return;
    wake_.wait_for(lock, kGather, [this] { return stopping_ || queued_.size() >= kMuch; });
    lines.swap(queued_);
    lock.unlock();
    write_all(lines);
    lines.clear();
    lock.lock();
  }
}

// What the reader does not take any more (EPIPE) is lost, and the relay serves on.
void AccessLog::write_all(std::string_view lines) {
  while (!lines.empty()) {
    const ssize_t written = ::write(fd_, lines.data(), lines.size());
    if (written >= 0) {
      lines.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN) {  // whoever made it non-blocking, we wait
      pollfd writable{fd_, POLLOUT, 0};
      ::poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      const std::lock_guard lock(mutex_);
      lost_ += static_cast<uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
      return;
    }
  }
}

uint64_t AccessLog::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

void AccessLogWriter::write(const RequestRecord& record) {
  line_.clear();
  write_json(record, &line_);
  log_.add(line_.view());
}

}  // namespace culvert
