// Reads along with an answer while its bytes pass untouched: did it end as its dialect says that it
// ends, what did it cost, when did its first content come.
#pragma once

#include "relay/base/dialect.h"
#include "relay/codec/json.h"
#include "relay/codec/json_scan.h"
#include "relay/codec/response_parser.h"
#include "relay/codec/sse.h"
#include "relay/codec/stream_end.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

// A 2xx whose body is server-sent events that can be read: in identity coding.
bool is_readable_event_stream(const ResponseHead& head);
// … and whose events this dialect gives a meaning.
bool is_event_stream_of(Dialect dialect, const ResponseHead& head);

class Carry {
 public:
  // judged: an end without the dialect's marker is a cut. Only for answers 2xx of event streams in
  // identity coding; what is compressed or opaque is judged by its framing alone.
  // weigh: text is weighed as it passes, for what the vendor does not tell.
  Carry(Dialect dialect, const ResponseHead& head, bool weigh);

  void see(std::string_view bytes);
  // All bytes came; false where the dialect says that more should have.
  bool complete() const;
  // The dialect's end marker has passed: nothing that a reader waits for is missing.
  bool ended() const;

  bool is_event_stream() const { return events_; }
  bool readable() const;  // usage can be found in it at all
  // The bytes so far end between events: an event of our own may follow.
  bool at_boundary() const;
  bool content_seen() const;
  Usage usage() const;  // as far as the vendor has told it
  // Text that is in no usage() of the vendor's, in quarters of a token; 0 where it is not weighed.
  uint64_t untold_quarters() const;
  // What is untold so far was another attempt's, and is counted by whoever asked before.
  void leave_untold() { told_quarters_ = scan_.quarters(); }

 private:
  void see_event(const SseEvent& event);
  void see_json(std::string_view bytes);

  const Dialect dialect_;
  bool events_ = false;  // an event stream that can be read
  bool json_ = false;    // a JSON body that can be read
  const bool weigh_;
  SseParser parser_;
  StreamEnd end_;
  JsonScan scan_;
  Usage json_usage_;
  uint64_t told_quarters_ = 0;  // of the text that the vendor has counted, or another record
};

}  // namespace culvert
