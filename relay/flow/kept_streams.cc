// One lock: what happens under it is short, and one stream seldom has more than one reader.
#include "relay/flow/kept_streams.h"

#include "relay/stream/kept_stream.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace culvert {
namespace {

// Of one stream. Connections that died unnoticed read on until their write timer ends them.
constexpr size_t kReaders = 16;

}  // namespace

Error stream_not_kept() {
  return Error::client(Code::kNotKept, Stage::kRoute,
                       "this stream is gone: it ended too long ago or made room for others, it is "
                       "of another relay or of before a restart, or the request does not bring the "
                       "credential that asked for it");
}

// Shared with tasks that are on their way; the sink is looked at on its own thread only.
struct KeptWriter::Ticket {
  PostTask post;
  StreamSink* sink;  // null: nobody is to be told any more
  std::atomic<bool> told{false};

  static void wake(const std::shared_ptr<Ticket>& ticket) {
    if (ticket->told.exchange(true)) return;
    ticket->post([ticket] {
      ticket->told.store(false);
      if (ticket->sink != nullptr) ticket->sink->on_stream_changed();
    });
  }
};

struct KeptReader::Place {
  KeptStream::Reader at;
  std::shared_ptr<KeptWriter::Ticket> ticket;
  bool waits = false;
};

struct KeptWriter::Stream {
  enum class State : uint8_t { kRunning, kWhole, kCut };
  Stream(std::string name, KeptStreams::Order order)
      : id(std::move(name)),
        owner(std::move(order.owner)),
        head(std::move(order.head)),
        settings(order.settings),
        events(order.settings.stream_bytes) {}

  const std::string id;
  const StreamOwner owner;
  const StreamHead head;
  const ReplaySettings settings;
  KeptStream events;
  State state = State::kRunning;
  bool known = true;  // it is found by its id
  bool blocked = false;
  Headers trailers;
  Instant ended{};
  std::list<Stream*>::iterator in_order;  // where it has ended and is known
  std::shared_ptr<Ticket> writer;         // null: it has ended
  std::list<KeptReader::Place> readers;
  uint32_t readers_ever = 0;

  bool expired(Instant now) const {
    return state != State::kRunning && readers.empty() && now - ended >= settings.kept;
  }
  void wake_readers() {
    for (KeptReader::Place& place : readers) {
      if (std::exchange(place.waits, false)) Ticket::wake(place.ticket);
    }
  }
};

// --- The writer

KeptWriter::KeptWriter(KeptStreams& owner,
                       std::shared_ptr<Stream> stream,
                       std::shared_ptr<Ticket> ticket)
    : owner_(owner), stream_(std::move(stream)), ticket_(std::move(ticket)) {}

KeptWriter::~KeptWriter() {
  ticket_->sink = nullptr;
  cut();
}

std::string_view KeptWriter::id() const { return stream_->id; }

void KeptWriter::append(std::string event) {
  KeptStreams::Streams gone;
  const std::lock_guard lock(owner_.mutex_);
  if (stream_->state != Stream::State::kRunning) return;
  const size_t before = stream_->events.bytes();
  stream_->events.append(std::move(event));
  owner_.settle(*stream_, before, &gone);
  stream_->wake_readers();
}

bool KeptWriter::blocked() const {
  const std::lock_guard lock(owner_.mutex_);
  return stream_->blocked;
}

void KeptWriter::end(Headers trailers) {
  const std::lock_guard lock(owner_.mutex_);
  if (stream_->state != Stream::State::kRunning) return;
  stream_->state = Stream::State::kWhole;
  stream_->trailers = std::move(trailers);
  owner_.finish(*stream_);
}

void KeptWriter::cut() {
  const std::lock_guard lock(owner_.mutex_);
  if (stream_->state != Stream::State::kRunning) return;
  stream_->state = Stream::State::kCut;
  owner_.finish(*stream_);
}

void KeptWriter::forget() {
  cut();
  KeptStreams::Streams gone;
  const std::lock_guard lock(owner_.mutex_);
  if (stream_->known) owner_.forget(*stream_, &gone);
}

uint32_t KeptWriter::readers() const {
  const std::lock_guard lock(owner_.mutex_);
  return static_cast<uint32_t>(stream_->readers.size());
}

uint32_t KeptWriter::readers_ever() const {
  const std::lock_guard lock(owner_.mutex_);
  return stream_->readers_ever;
}

// --- A reader

KeptReader::KeptReader(KeptStreams& owner,
                       std::shared_ptr<KeptWriter::Stream> stream,
                       std::list<Place>& at)
    : owner_(owner), stream_(std::move(stream)) {
  stream_->readers.splice(stream_->readers.end(), at);
  place_ = std::prev(stream_->readers.end());
}

KeptReader::~KeptReader() {
  place_->ticket->sink = nullptr;
  KeptStreams::Streams gone;
  const std::lock_guard lock(owner_.mutex_);
  const size_t before = stream_->events.bytes();
  stream_->events.stop_reading(place_->at);
  stream_->readers.erase(place_);
  owner_.settle(*stream_, before, &gone);
  if (stream_->writer != nullptr) KeptWriter::Ticket::wake(stream_->writer);
}

KeptReader::Next KeptReader::next(size_t most, std::string* out) {
  KeptStreams::Streams gone;
  const std::lock_guard lock(owner_.mutex_);
  const size_t before = stream_->events.bytes();
  if (stream_->events.take(place_->at, most, out)) {
    owner_.settle(*stream_, before, &gone);
    return Next::kEvents;
  }
  if (stream_->state == KeptWriter::Stream::State::kWhole) return Next::kEnd;
  if (stream_->state == KeptWriter::Stream::State::kCut) return Next::kCut;
  place_->waits = true;
  return Next::kWait;
}

const StreamHead& KeptReader::head() const { return stream_->head; }

Headers KeptReader::trailers() const {
  const std::lock_guard lock(owner_.mutex_);
  return stream_->trailers;
}

// --- All of them

KeptStreams::KeptStreams(const Clock& clock, Random& random) : clock_(clock), random_(random) {}

KeptStreams::~KeptStreams() = default;

std::unique_ptr<KeptWriter> KeptStreams::keep(Order order, PostTask post, StreamSink& sink) {
  const size_t most_streams = order.settings.streams;
  auto ticket = std::make_shared<KeptWriter::Ticket>();
  ticket->post = std::move(post);
  ticket->sink = &sink;
  // 128 bits of the kernel's: who does not know it does not find it.
  auto stream = std::make_shared<Stream>(random_id(random_), std::move(order));
  stream->writer = ticket;
  Streams gone;
  const std::lock_guard lock(mutex_);
  most_bytes_ = stream->settings.total_bytes;
  make_room(most_bytes_ - 1, most_streams - 1, &gone);
  if (by_id_.size() >= most_streams || bytes_ >= most_bytes_) return nullptr;
  by_id_.emplace(stream->id, stream);
  return std::unique_ptr<KeptWriter>(new KeptWriter(*this, std::move(stream), std::move(ticket)));
}

std::optional<StreamOwner> KeptStreams::owner(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto stream = find(id);
  return stream == nullptr ? std::nullopt : std::optional<StreamOwner>(stream->owner);
}

Result<std::unique_ptr<KeptReader>> KeptStreams::read(std::string_view id,
                                                      uint64_t after,
                                                      PostTask post,
                                                      StreamSink& sink) {
  auto ticket = std::make_shared<KeptWriter::Ticket>();
  ticket->post = std::move(post);
  ticket->sink = &sink;
  std::list<KeptReader::Place> place(1);
  const std::lock_guard lock(mutex_);
  auto stream = find(id);
  if (stream == nullptr) return stream_not_kept();
  KeptStream& events = stream->events;
  if (after > events.last()) {
    return Error::client(Code::kBadRequest, Stage::kRequest,
                         "Last-Event-ID is " + std::to_string(after) + "; the stream has " +
                             std::to_string(events.last()) + " events so far");
  }
  if (!events.has_behind(after)) {
    return Error::client(Code::kNotKept, Stage::kLimit,
                         "the stream's events before " + std::to_string(events.first()) +
                             " are not kept any more: more came than the relay keeps of one");
  }
  if (stream->readers.size() >= kReaders) {
    return Error::ours(Code::kOverloaded, Stage::kLimit,
                       "the stream has as many readers as it may have");
  }
  place.front().at = events.read_behind(after);
  place.front().ticket = std::move(ticket);
  ++stream->readers_ever;
  if (stream->writer != nullptr) KeptWriter::Ticket::wake(stream->writer);
  return std::unique_ptr<KeptReader>(new KeptReader(*this, std::move(stream), place));
}

void KeptStreams::expire() {
  Streams gone;
  const Instant now = clock_.now();
  const std::lock_guard lock(mutex_);
  for (auto next = ended_.begin(); next != ended_.end();) {
    Stream& stream = **next++;
    if (stream.expired(now)) forget(stream, &gone);
  }
}

KeptStreams::Report KeptStreams::report() const {
  const std::lock_guard lock(mutex_);
  return {by_id_.size(), bytes_};
}

std::shared_ptr<KeptStreams::Stream> KeptStreams::find(std::string_view id) const {
  const auto found = by_id_.find(std::string(id));
  if (found == by_id_.end() || found->second->expired(clock_.now())) return nullptr;
  return found->second;
}

void KeptStreams::finish(Stream& stream) {
  stream.ended = clock_.now();
  stream.writer = nullptr;
  stream.blocked = false;
  if (stream.known) stream.in_order = ended_.insert(ended_.end(), &stream);
  stream.wake_readers();
}

// Ended streams that nobody reads go, the oldest first.
void KeptStreams::make_room(size_t bytes, size_t number, Streams* gone) {
  for (auto next = ended_.begin(); next != ended_.end();) {
    if (bytes_ <= bytes && by_id_.size() <= number) return;
    Stream& stream = **next++;
    if (stream.readers.empty()) forget(stream, gone);
  }
}

void KeptStreams::forget(Stream& stream, Streams* gone) {
  if (stream.state != Stream::State::kRunning) ended_.erase(stream.in_order);
  stream.known = false;
  bytes_ -= stream.events.bytes();
  const auto found = by_id_.find(stream.id);
  gone->push_back(std::move(found->second));
  by_id_.erase(found);
}

// After every change of what is kept of a stream: the bounds, and whether its writer has to wait.
void KeptStreams::settle(Stream& stream, size_t before, Streams* gone) {
  if (!stream.known) return;
  bytes_ = bytes_ - before + stream.events.bytes();
  if (bytes_ > most_bytes_) make_room(most_bytes_, by_id_.size(), gone);
  if (bytes_ > most_bytes_ && stream.known) {
    const size_t all = stream.events.bytes();
    stream.events.drop(bytes_ - most_bytes_);
    bytes_ = bytes_ - all + stream.events.bytes();
  }
  if (stream.state != Stream::State::kRunning) return;
  const size_t backlog = stream.events.backlog();
  const bool over = backlog > 0 && (stream.events.overfull() || bytes_ > most_bytes_);
  const bool eased = backlog <= stream.settings.stream_bytes / 2;
  if (!stream.blocked) {
    stream.blocked = over;
  } else if (!over && eased) {
    stream.blocked = false;
    KeptWriter::Ticket::wake(stream.writer);
  }
}

}  // namespace culvert
