// See replay_reader.h.
#include "relay/flow/replay_reader.h"

#include "relay/base/limits.h"

#include <string>
#include <utility>

namespace culvert {

Result<void> ReplayReader::begin(KeptStreams& streams,
                                 Loop& loop,
                                 std::string_view id,
                                 uint64_t after) {
  reader_ = CULVERT_TRY(streams.read(
      id, after, [&loop](std::function<void()> task) { loop.post(std::move(task)); },
      static_cast<StreamSink&>(*this)));
  return {};
}

void ReplayReader::pump() {
  std::string events;
  while (sink_ != nullptr && client_.queued() <= limits::kHighWater) {
    events.clear();
    switch (reader_->next(limits::kLowWater, &events)) {
      case KeptReader::Next::kEvents:
        sink_->on_replayed(events);
        break;
      case KeptReader::Next::kWait:
        return;
      case KeptReader::Next::kEnd:
        return sink_->on_replay_over(true);
      case KeptReader::Next::kCut:
        return sink_->on_replay_over(false);
    }
  }
}

void ReplayReader::stop() {
  sink_ = nullptr;
  reader_.reset();
}

}  // namespace culvert
