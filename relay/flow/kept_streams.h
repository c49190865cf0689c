// The streams that are kept for clients that lost their connection: in memory only, bounded in
// bytes, number and time (v1::Replay). One for the process, any thread: a stream is written on one
// worker and read on others. What is kept of one stream, and where its readers stand, is in
// stream/kept_stream; this adds the lock, the waking, and whose stream goes first.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/random.h"
#include "relay/base/result.h"
#include "relay/codec/headers.h"
#include "relay/config/snapshot.h"
#include "relay/upstream/concurrency.h"  // PostTask

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace culvert {

class KeptStreams;

// The answer to whoever asks for a stream that is not there, or is not his.
Error stream_not_kept();

// Called on the thread of its PostTask, never from inside a call.
class StreamSink {
 public:
  virtual ~StreamSink() = default;
  // A writer: it may go on, or readers came or went. A reader: there is more, or the end.
  virtual void on_stream_changed() = 0;
};

// Who may read a stream: who asked for it.
struct StreamOwner {
  std::string caller;    // Credentials::caller; never empty
  std::string upstream;  // where that upstream takes its keys; "": the generic proxy
};

// Of the head that readers get.
struct StreamHead {
  std::string content_type;
  std::string trailer;  // a field that may follow; "": none
};

// One stream being kept. Belongs to the thread of its session. Destroyed before its end, it ends
// unfinished.
class KeptWriter {
 public:
  KeptWriter(const KeptWriter&) = delete;
  KeptWriter& operator=(const KeptWriter&) = delete;
  ~KeptWriter();

  std::string_view id() const;
  void append(std::string event);
  // A reader would lose what it has not got: nothing more should come until the sink is called.
  bool blocked() const;
  void end(Headers trailers);  // whole
  void cut();                  // unfinished: readers see it as the client does
  void forget();               // it cannot be kept any longer
  uint32_t readers() const;    // now
  uint32_t readers_ever() const;

  struct Ticket;  // of kept_streams.cc, as all that is only named here
  struct Stream;

 private:
  friend class KeptStreams;
  KeptWriter(KeptStreams& owner, std::shared_ptr<Stream> stream, std::shared_ptr<Ticket> ticket);
  KeptStreams& owner_;
  const std::shared_ptr<Stream> stream_;
  const std::shared_ptr<Ticket> ticket_;
};

// One reader of one stream, wherever that is written. Belongs to its session's thread.
class KeptReader {
 public:
  KeptReader(const KeptReader&) = delete;
  KeptReader& operator=(const KeptReader&) = delete;
  ~KeptReader();

  enum class Next : uint8_t { kEvents, kWait, kEnd, kCut };
  // Appends whole events to *out, of about `most` bytes. After kWait the sink is called once.
  Next next(size_t most, std::string* out);
  const StreamHead& head() const;
  Headers trailers() const;  // after kEnd

  struct Place;

 private:
  friend class KeptStreams;
  KeptReader(KeptStreams& owner, std::shared_ptr<KeptWriter::Stream> stream, std::list<Place>& at);
  KeptStreams& owner_;
  const std::shared_ptr<KeptWriter::Stream> stream_;
  std::list<Place>::iterator place_;
};

class KeptStreams {
 public:
  KeptStreams(const Clock& clock, Random& random);  // both outlive it
  KeptStreams(const KeptStreams&) = delete;
  KeptStreams& operator=(const KeptStreams&) = delete;
  ~KeptStreams();

  struct Order {
    StreamOwner owner;
    StreamHead head;
    ReplaySettings settings;
  };
  // nullptr: there is no room, also without the ended streams that nobody reads.
  std::unique_ptr<KeptWriter> keep(Order order, PostTask post, StreamSink& sink);

  // nullopt: there is no such stream, or not any more.
  std::optional<StreamOwner> owner(std::string_view id) const;
  // From the event behind `after`. Errors: kNotKept, also where events behind it are gone;
  // kBadRequest where that one has not come; kOverloaded.
  Result<std::unique_ptr<KeptReader>> read(std::string_view id,
                                           uint64_t after,
                                           PostTask post,
                                           StreamSink& sink);

  // Forgets what ended too long ago. Called now and then.
  void expire();

  struct Report {
    size_t streams = 0;
    size_t bytes = 0;
  };
  Report report() const;

 private:
  friend class KeptWriter;
  friend class KeptReader;
  using Stream = KeptWriter::Stream;
  using Streams = std::vector<std::shared_ptr<Stream>>;
  // Under the lock; what goes is freed by the caller outside of it.
  std::shared_ptr<Stream> find(std::string_view id) const;
  void finish(Stream& stream);
  void make_room(size_t bytes, size_t number, Streams* gone);
  void forget(Stream& stream, Streams* gone);
  void settle(Stream& stream, size_t before, Streams* gone);

  const Clock& clock_;
  Random& random_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<Stream>> by_id_;
  std::list<Stream*> ended_;  // in the order in which they ended
  size_t bytes_ = 0;
  size_t most_bytes_ = 0;  // of the newest settings
};

}  // namespace culvert
