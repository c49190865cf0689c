// Writing under a short lock, reading without one; see spool.h.
#include "relay/usage/spool.h"

#include "relay/base/log.h"
#include "relay/usage/segment.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace culvert {
namespace {

constexpr size_t kReadBytes = 256 * 1024;  // at once: hundreds of records
constexpr auto kLineEvery = std::chrono::minutes(1);
static_assert(kReadBytes > 2 * kFramedMost);

// What is there of `most` bytes from `offset`; empty where nothing can be read.
std::string read_part(const std::string& path, uint64_t offset, uint64_t most) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string bytes(static_cast<size_t>(most), '\0');
  size_t size = 0;
  while (file.valid() && size < bytes.size()) {
    const ssize_t got = ::pread(file.get(), bytes.data() + size, bytes.size() - size,
                                static_cast<off_t>(offset + size));
    if (got <= 0) break;
    size += static_cast<size_t>(got);
  }
  bytes.resize(size);
  return bytes;
}

// Calls `each` with every sound record behind `offset`; returns where the last of them ends.
template <class Each>
uint64_t for_records(const std::string& path, const Segment& segment, uint64_t offset, Each each) {
  const std::string bytes = read_part(path, offset, segment.size - std::min(segment.size, offset));
  RecordReader reader(bytes);
  while (const auto record = reader.next()) each(*record);
  return offset + reader.position();
}

bool write_whole(int fd, std::string_view bytes, uint64_t offset) {
  ssize_t done = 0;
  do {
    done = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  } while (done < 0 && errno == EINTR);
  return done == static_cast<ssize_t>(bytes.size());
}

}  // namespace

Result<std::unique_ptr<Spool>> Spool::open(const std::string& folder,
                                           uint64_t limit,
                                           const Clock& clock) {
  SpoolFolder opened = CULVERT_TRY(SpoolFolder::open(folder));
  std::unique_ptr<Spool> spool(new Spool(std::move(opened), limit, clock));
  spool->recover();
  return spool;
}

Spool::Spool(SpoolFolder folder, uint64_t limit, const Clock& clock)
    : folder_(std::move(folder)),
      limit_(limit),
      segment_bytes_(std::clamp<uint64_t>(limit / 8, 2 * kFramedMost, limits::kSegmentBytes)),
      clock_(clock),
      next_line_(clock.now()) {}

Spool::~Spool() {
  const std::lock_guard lock(mutex_);
  close_active();
}

// --- What the last process left

void Spool::recover() {
  acknowledged_ = cursor_ = folder_.acknowledged();
  for (Segment segment : folder_.segments()) {
    const std::string path = folder_.path_of(segment.number);
    next_number_ = segment.number + 1;
    const auto told = records_of_head(read_part(path, 0, kSegmentHead));
    const bool done = segment.number < acknowledged_.segment || segment.size == kSegmentHead;
    if (!told || done) {
      if (!told) log::warn("a usage file that cannot be read is removed", {{"file", path}});
      ::unlink(path.c_str());
      continue;
    }
    const uint64_t from =
        segment.number == acknowledged_.segment ? acknowledged_.offset : kSegmentHead;
    if (*told == 0 || from > kSegmentHead) {
      const uint64_t end = for_records(path, segment, std::max<uint64_t>(from, kSegmentHead),
                                       [&](std::string_view) { ++segment.records; });
      // Only what was being written when the process died can have a torn end.
      if (*told == 0 && end < segment.size &&
          ::truncate(path.c_str(), static_cast<off_t>(end)) == 0) {
        log::warn("a usage record was torn by a crash and is cut off",
                  {{"file", path}, {"bytes", segment.size - end}});
        segment.size = end;
      }
    } else {
      segment.records = *told;
    }
    waiting_ += segment.records;
    bytes_ += segment.size;
    segments_.push_back(segment);
  }
  next_number_ = std::max(next_number_, acknowledged_.segment + 1);
}

std::vector<std::string> Spool::newest_ids() const {
  std::vector<std::string> ids;
  const std::lock_guard lock(mutex_);
  const size_t first = segments_.size() > 2 ? segments_.size() - 2 : 0;
  v1::UsageRecord record;
  for (size_t i = first; i < segments_.size(); ++i) {
    for_records(folder_.path_of(segments_[i].number), segments_[i], kSegmentHead,
                [&](std::string_view bytes) {
                  if (record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
                    ids.push_back(record.id());
                  }
                });
  }
  return ids;
}

// --- Writing

bool Spool::append(std::string_view framed) {
  const std::lock_guard lock(mutex_);
  if (!make_room(framed.size())) {
    lose();
    return false;
  }
  Segment& active = segments_.back();
  if (!write_whole(active_.get(), framed, active.size)) {
    const int error = errno;
    // What was written of it would be taken for damage.
    [[maybe_unused]] const int cut = ::ftruncate(active_.get(), static_cast<off_t>(active.size));
    errno = error;
    lose();
    return false;
  }
  active.size += framed.size();
  ++active.records;
  bytes_ += framed.size();
  waiting_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool Spool::make_room(size_t bytes) {
  errno = ENOSPC;  // where it is our own bound
  if (bytes_ + bytes + kSegmentHead > limit_) return false;
  const bool fits = active_.valid() && segments_.back().size + bytes <= segment_bytes_;
  return fits || roll();
}

bool Spool::roll() {
  close_active();
  const std::string path = folder_.path_of(next_number_);
  Fd made(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!made.valid()) {
    if (errno == EEXIST) ++next_number_;  // nobody's of ours: the next one
    return false;
  }
  const auto head = segment_head(0);
  if (!write_whole(made.get(), {head.data(), head.size()}, 0)) {
    const int error = errno;
    ::unlink(path.c_str());
    errno = error;
    return false;
  }
  active_ = std::move(made);
  segments_.push_back({next_number_++, head.size(), 0});
  bytes_ += head.size();
  drop_acknowledged();
  return true;
}

// Its number of records is told in its head from here on, so that the next start need not read it.
void Spool::close_active() {
  if (!active_.valid()) return;
  const auto head = segment_head(static_cast<uint32_t>(segments_.back().records));
  [[maybe_unused]] const bool told = write_whole(active_.get(), {head.data(), head.size()}, 0);
  active_.reset();
}

void Spool::lose() {
  const int error = errno;
  lost_.fetch_add(1, std::memory_order_relaxed);
  ++lost_unsaid_;
  const Instant now = clock_.now();
  if (now < next_line_) return;
  next_line_ = now + kLineEvery;
  log::error("usage records are lost: the disk or the bound of the spool takes no more",
             {{"records", std::exchange(lost_unsaid_, 0)},
              {"bytes", bytes_},
              {"limit", limit_},
              {"error", std::strerror(error)}});
}

SpoolCounts Spool::counts() const {
  const std::lock_guard lock(mutex_);
  return {waiting_.load(), bytes_, lost_.load()};
}

// --- Reading

UsageBatch Spool::next_batch(size_t most) {
  UsageBatch batch;
  while (batch.records.size() < most && read_some(most, &batch)) {
  }
  batch.lost = lost_.load();
  batch.tells_loss = batch.lost > lost_given_;
  lost_given_ = batch.lost;
  batch.end = cursor_;
  if (!batch.empty()) given_.push_back({cursor_, batch.records.size(), batch.lost});
  return batch;
}

const Segment* Spool::segment_from(uint64_t number) const {
  const auto found = std::find_if(segments_.begin(), segments_.end(),
                                  [&](const Segment& one) { return one.number >= number; });
  return found == segments_.end() ? nullptr : &*found;
}

// False: there is nothing more for now.
bool Spool::read_some(size_t most, UsageBatch* batch) {
  uint64_t size = 0;
  {
    const std::lock_guard lock(mutex_);
    const Segment* segment = segment_from(cursor_.segment);
    if (segment != nullptr && segment->number == cursor_.segment &&
        cursor_.offset >= segment->size) {
      segment = segment_from(cursor_.segment + 1);
    }
    if (segment == nullptr) return false;
    if (segment->number != cursor_.segment) cursor_ = {segment->number, kSegmentHead};
    cursor_.offset = std::max<uint64_t>(cursor_.offset, kSegmentHead);
    size = segment->size;
  }
  if (cursor_.offset >= size) return false;
  const uint64_t rest = size - cursor_.offset;
  const std::string bytes = read_part(folder_.path_of(cursor_.segment), cursor_.offset,
                                      std::min<uint64_t>(rest, kReadBytes));
  const size_t taken = take_records(bytes, most, batch);
  cursor_.offset += taken;
  if (taken > 0) return true;
  // No sound record in all of this: what was damaged is passed over, up to where one may begin.
  const bool last = bytes.size() == rest || bytes.size() < kReadBytes;
  cursor_.offset = last ? size : cursor_.offset + kReadBytes - kFramedMost;
  log::warn("damaged usage records are passed over",
            {{"file", folder_.path_of(cursor_.segment)}, {"up_to", cursor_.offset}});
  return true;
}

size_t Spool::take_records(std::string_view bytes, size_t most, UsageBatch* batch) {
  RecordReader reader(bytes);
  while (batch->records.size() < most) {
    const auto record = reader.next();
    if (!record) break;
    v1::UsageRecord parsed;
    if (parsed.ParseFromArray(record->data(), static_cast<int>(record->size()))) {
      batch->records.push_back(std::move(parsed));
    }
  }
  if (reader.damaged() > 0) {
    log::warn("damaged usage records are passed over",
              {{"file", folder_.path_of(cursor_.segment)}, {"bytes", reader.damaged()}});
  }
  return reader.position();
}

void Spool::acknowledged(const SpoolPosition& end) {
  while (!given_.empty() && given_.front().end <= end) {
    waiting_.fetch_sub(given_.front().records, std::memory_order_relaxed);
    lost_acknowledged_ = given_.front().lost;
    given_.pop_front();
  }
  if (end <= acknowledged_) return;
  folder_.set_acknowledged(end);  // before what it stands for goes
  const std::lock_guard lock(mutex_);
  acknowledged_ = end;
  drop_acknowledged();
}

// The segment that is written to stays. So do, until then, those that the last process wrote last:
// its ids are asked for at the start.
void Spool::drop_acknowledged() {
  while (!segments_.empty()) {
    const Segment& oldest = segments_.front();
    const bool written = active_.valid() && segments_.size() == 1;
    const bool done =
        oldest.number < acknowledged_.segment ||
        (oldest.number == acknowledged_.segment && acknowledged_.offset >= oldest.size);
    if (!done || written) return;
    ::unlink(folder_.path_of(oldest.number).c_str());
    bytes_ -= oldest.size;
    segments_.pop_front();
  }
}

void Spool::rewind() {
  cursor_ = acknowledged_;
  given_.clear();
  lost_given_ = lost_acknowledged_;
}

void Spool::sync() {
  Fd copy;
  {
    const std::lock_guard lock(mutex_);
    if (active_.valid()) copy = Fd(::fcntl(active_.get(), F_DUPFD_CLOEXEC, 0));
  }
  if (copy.valid()) ::fdatasync(copy.get());  // without the lock: workers go on writing
}

}  // namespace culvert
