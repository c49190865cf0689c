// What taking a stream up again has to know of a dialect, and nothing else: how to read an event,
// how to write one that a later attempt made, how to ask for the rest. One object per request.
#pragma once

#include "relay/base/dialect.h"
#include "relay/base/result.h"
#include "relay/base/resume_settings.h"
#include "relay/codec/sse.h"
#include "relay/stream/attempt_usage.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace culvert {

// Empties a text that is used from event to event: its memory stays, but not that of a rare large
// one, because thousands of streams are open at once.
void reuse(std::string* text);

// What one event says, in no dialect's words. Used again for the next one: of the streams that a
// relay carries thousands of events pass each second, and the text of nearly every one would be an
// allocation.
struct StreamReading {
  enum class End : uint8_t {
    kNone,
    kStop,      // the model is done: whole if it said anything
    kFinal,     // whatever it says, it is the answer: length, safety, a word that is not known
    kAccident,  // the model stumbled: tried again while nothing visible was sent
    kError,     // the upstream failed, and another try may help
    kRefusal,   // … and will fail again
    kGarbled,   // what no event of this dialect can be: a cut inside, or bytes of something else
  };
  End end = End::kNone;
  std::string text;          // what a reader sees, of all parts in their order
  bool thought = false;      // has something of a thought
  bool fixed = false;        // a tool's call or media: nothing can be continued behind it
  bool several = false;      // more answers than one at once
  bool opening = false;      // says only that an answer begins
  bool closing = false;      // may stand behind the end: usage, a marker
  bool last = false;         // nothing follows
  bool noted = true;         // delivered() has something to take from it, beside `last`
  bool unknown_end = false;  // a word that this version does not know; taken as final
  std::string why;           // of an end: the dialect's own word

  void clear();  // as new, but for the room in its strings
};

// How an event of a later attempt differs for the client from what the upstream sent.
struct StreamChange {
  size_t drop = 0;       // bytes of the text's beginning, which it has already
  bool thoughts = true;  // false: without thoughts, which it has had
};

struct StreamWriting {
  enum class How : uint8_t { kAsItCame, kAs, kNot };
  How how = How::kAsItCame;
  std::string data;  // of kAs
};

// What goes up next.
struct ResumeRequest {
  enum class Kind : uint8_t {
    kOriginal,      // the client's own request again
    kContinuation,  // its head, with `body`
    kFetch,         // GET on the request's own path, `path` behind it and no other query; no body
  };
  Kind kind = Kind::kOriginal;
  std::string body;
  std::string path;
  bool same_key = false;  // nobody else has that answer
};

// All that the client has of the answer, and how a continuation is to be asked for.
struct ResumeState {
  std::string_view text;    // without thoughts
  std::string_view prompt;  // to go on, in the text's language
};

class ResumeDialect {
 public:
  explicit ResumeDialect(Dialect dialect) : usage_(dialect) {}
  virtual ~ResumeDialect() = default;

  // Why the request cannot be taken up at all, or its text not be continued; empty where it can.
  virtual std::string_view why_never() const = 0;
  virtual std::string_view why_not_continued() const = 0;
  // The upstream itself goes on where it stopped, byte for byte: no seam, and tools are no matter.
  virtual bool exact() const { return false; }

  virtual void begin_attempt() { usage_.begin_attempt(); }  // a stream of the upstream begins
  // Each event once, in order, before it is known whether the client gets it. *out is cleared.
  void read(const SseEvent& event, StreamReading* out) {
    out->clear();
    read_event(event, out);
  }
  // Of attempts after the first. The usage of an end is that of all attempts.
  virtual StreamWriting write(const SseEvent& event,
                              const StreamReading& reading,
                              const StreamChange& change) = 0;
  // The client has it now: text_before bytes of text came before it; `drop` of its own did not go.
  virtual void delivered(const SseEvent& event,
                         const StreamReading& reading,
                         size_t text_before,
                         size_t drop) = 0;
  void lose_attempt() { usage_.lose_attempt(); }

  // state.text empty: nothing but thoughts was sent. body: the request as it first went up.
  virtual Result<ResumeRequest> next(std::string_view body, const ResumeState& state) const = 0;
  // The end of what was sent that `next` left out.
  virtual std::string_view blanks(std::string_view text) const { return text.substr(text.size()); }

  // What has to follow an end whose own following was cut off; empty where nothing has.
  virtual std::string closing() const { return {}; }

  const AttemptUsage& usage() const { return usage_; }

 protected:
  virtual void read_event(const SseEvent& event, StreamReading* out) = 0;  // *out is as new

  AttemptUsage usage_;
};

// For a request whose answer is an event stream; path: as it goes up, without the query. nullptr
// where this dialect has no way to go on at that path.
std::unique_ptr<ResumeDialect> resume_dialect(Dialect dialect,
                                              std::string_view path,
                                              std::string_view request_body,
                                              Continuation continuation);

// The request with `turns`, JSON texts between commas, at the end of its list `name`. All other
// bytes stay. An error where it has no such list, or is larger than what is extended.
Result<std::string> with_turns(std::string_view body,
                               std::string_view name,
                               std::string_view turns);

}  // namespace culvert
