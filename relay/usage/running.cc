// The slots' layout and their life: free → written → busy → free.
#include "relay/usage/running.h"

#include "relay/base/json_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace culvert {

// The file holds these as they are in memory: it is read on the machine that wrote it, by the
// version that wrote it or a newer one, which kBusy tells apart. Texts longer than their place are
// cut; a place that is not full ends with NUL.
struct RunningSlot {
  static constexpr uint32_t kFree = 0;
  static constexpr uint32_t kBusy = 0x43560001;  // changes with the layout
  static constexpr uint64_t kUnknown = UINT64_MAX;

  std::atomic<uint32_t> state;
  int32_t status;
  uint32_t attempts;
  uint32_t usage;
  int64_t time_ns;
  uint64_t bytes_in;
  uint64_t bytes_out;
  uint64_t tokens_in;
  uint64_t tokens_out;
  uint64_t tokens_cached;
  uint64_t tokens_reasoning;
  double first_token_ms;
  double total_ms;
  char id[32];
  char tenant[64];
  char token_id[64];
  char route[64];
  char upstream[64];
  char model[104];
  char key[32];
};
static_assert(sizeof(RunningSlot) == 512, "eight to a page");
static_assert(std::atomic<uint32_t>::is_always_lock_free);

namespace {

template <size_t N>
void put(char (&place)[N], std::string_view text) {
  const size_t size = std::min(text.size(), N);
  std::memcpy(place, text.data(), size);
  std::memset(place + size, 0, N - size);
}

// A text that was cut inside a character ends with U+FFFD instead.
template <size_t N>
std::string text_of(const char (&place)[N]) {
  return valid_utf8({place, ::strnlen(place, N)});
}

uint64_t known(std::optional<uint64_t> tokens) { return tokens.value_or(RunningSlot::kUnknown); }

std::optional<uint64_t> tokens_of(uint64_t known) {
  return known == RunningSlot::kUnknown ? std::nullopt : std::optional(known);
}

RequestRecord record_of(const RunningSlot& slot) {
  RequestRecord record;
  record.time = WallTime(std::chrono::duration_cast<WallTime::duration>(Duration(slot.time_ns)));
  record.id = text_of(slot.id);
  record.tenant = text_of(slot.tenant);
  record.token_id = text_of(slot.token_id);
  record.route = text_of(slot.route);
  record.upstream = text_of(slot.upstream);
  record.model = text_of(slot.model);
  record.key = text_of(slot.key);
  record.status = slot.status;
  record.outcome = Outcome::kTruncated;
  record.usage = static_cast<UsageClass>(
      std::min<uint32_t>(slot.usage, static_cast<uint32_t>(UsageClass::kRefused)));
  record.attempts = static_cast<int>(std::min<uint32_t>(slot.attempts, INT32_MAX));
  record.bytes_in = slot.bytes_in;
  record.bytes_out = slot.bytes_out;
  record.tokens_in = tokens_of(slot.tokens_in);
  record.tokens_out = tokens_of(slot.tokens_out);
  record.tokens_cached = tokens_of(slot.tokens_cached);
  record.tokens_reasoning = tokens_of(slot.tokens_reasoning);
  record.first_token_ms = slot.first_token_ms;
  record.total_ms = slot.total_ms;
  return record;
}

Error failed(const std::string& path, int error) {
  return Error::ours(Code::kSystem, Stage::kNone,
                     fmt::format("cannot use {}: {}", path, std::strerror(error)));
}

}  // namespace

Result<Running> Running::open(const std::string& path, size_t slots) {
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  struct stat info {};
  if (!file.valid() || ::fstat(file.get(), &info) != 0) return failed(path, errno);
  const size_t before = static_cast<size_t>(info.st_size) / sizeof(RunningSlot);
  // A process with more slots may have died before: its slots stay.
  const size_t size = std::max(before, slots) * sizeof(RunningSlot);
  if (const int error = ::posix_fallocate(file.get(), 0, static_cast<off_t>(size)); error != 0) {
    return failed(path, error);
  }
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return failed(path, errno);
  return Running(std::move(file), static_cast<RunningSlot*>(memory), size, slots);
}

Running::Running(Fd file, RunningSlot* slots, size_t size, size_t wanted)
    : file_(std::move(file)), slots_(slots), size_(size), wanted_(wanted) {}

Running::Running(Running&& other) noexcept
    : file_(std::move(other.file_)),
      slots_(std::exchange(other.slots_, nullptr)),
      size_(other.size_),
      wanted_(other.wanted_),
      mutex_(std::move(other.mutex_)),
      free_(std::move(other.free_)) {}

Running::~Running() {
  if (slots_ != nullptr) ::munmap(slots_, size_);
}

std::vector<RequestRecord> Running::take_left() {
  std::vector<RequestRecord> left;
  for (size_t i = 0; i < size_ / sizeof(RunningSlot); ++i) {
    const RunningSlot& slot = slots_[i];
    if (slot.state.load(std::memory_order_acquire) == RunningSlot::kBusy) {
      left.push_back(record_of(slot));
    }
  }
  return left;
}

void Running::begin() {
  for (size_t i = 0; i < size_ / sizeof(RunningSlot); ++i) {
    // Pages that nobody wrote to are only read: they cost no memory.
    if (slots_[i].state.load() != RunningSlot::kFree) slots_[i].state.store(RunningSlot::kFree);
  }
  free_.clear();
  for (size_t i = wanted_; i-- > 0;) free_.push_back(static_cast<uint32_t>(i));
}

RunningSlot* Running::take(const RequestRecord& record) {
  RunningSlot* slot = nullptr;
  {
    const std::lock_guard lock(*mutex_);
    if (free_.empty()) return nullptr;
    slot = &slots_[free_.back()];
    free_.pop_back();
  }
  write_names(slot, record);
  write_counts(slot, record);
  slot->state.store(RunningSlot::kBusy, std::memory_order_release);
  return slot;
}

void Running::give_back(RunningSlot* slot) {
  slot->state.store(RunningSlot::kFree, std::memory_order_release);
  const std::lock_guard lock(*mutex_);
  free_.push_back(static_cast<uint32_t>(slot - slots_));
}

void Running::write_names(RunningSlot* slot, const RequestRecord& record) {
  slot->time_ns = std::chrono::duration_cast<Duration>(record.time.time_since_epoch()).count();
  slot->status = record.status;
  slot->attempts = static_cast<uint32_t>(record.attempts);
  put(slot->id, record.id);
  put(slot->tenant, record.tenant);
  put(slot->token_id, record.token_id);
  put(slot->route, record.route);
  put(slot->upstream, record.upstream);
  put(slot->model, record.model);
  put(slot->key, record.key);
}

void Running::write_counts(RunningSlot* slot, const RequestRecord& record) {
  slot->usage = static_cast<uint32_t>(record.usage.value_or(UsageClass::kTruncated));
  slot->bytes_in = record.bytes_in;
  slot->bytes_out = record.bytes_out;
  slot->tokens_in = known(record.tokens_in);
  slot->tokens_out = known(record.tokens_out);
  slot->tokens_cached = known(record.tokens_cached);
  slot->tokens_reasoning = known(record.tokens_reasoning);
  slot->first_token_ms = record.first_token_ms;
  slot->total_ms = record.total_ms;
}

}  // namespace culvert
