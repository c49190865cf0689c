// Does with a Resume what flow does: feeds it an attempt's bytes, makes the attempts that it asks
// for, writes the error where it gives up. With a fake clock.
#pragma once

#include "relay/codec/error_body.h"
#include "relay/stream/resume.h"
#include "tests/unit/stream/fake_api.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>

namespace culvert::test {

enum class Cut { kNone, kFin, kReset, kStall, kBadChunk, kErrorEvent };
inline constexpr Cut kCuts[] = {Cut::kFin, Cut::kReset, Cut::kStall, Cut::kBadChunk,
                                Cut::kErrorEvent};

struct Ran {
  std::string down;  // what the client got
  bool whole = false;
  bool failed = false;
  Error error;
  ResumeStory story;
  std::vector<ResumeRequest> requests;
  int stumbles = 0;  // losses for which the upstream is not to blame
};

class Driver {
 public:
  Driver(const FakeApi& api, ResumeSettings settings)
      : api_(api),
        settings_(std::move(settings)),
        resume_(resume_dialect(api.dialect(), api.path(), api.request(), settings_.continuation),
                settings_,
                random_) {}

  // The answer to attempt 2, 3, …; absent: as the manner says.
  std::function<std::string(const ResumeRequest&, int attempt)> answers;
  Manner manner = Manner::kExact;
  size_t step = 0;  // bytes at once; 0: all

  Ran run(std::string_view first, Cut cut) {
    attempt(first, cut);
    while (!ran_.whole && !ran_.failed) {
      EXPECT_EQ(move_.next, ResumeMove::Next::kAgain);
      clock_.advance(move_.pause);
      auto request = resume_.request(api_.request());
      if (!request) {
        fail(request.error(), false);
        break;
      }
      const int number = static_cast<int>(resume_.story().attempts);
      attempt(answers ? answers(*request, number) : api_.answer(*request, manner, number),
              Cut::kFin);
      ran_.requests.push_back(std::move(*request));
    }
    ran_.story = resume_.story();
    return std::move(ran_);
  }
  Resume& resume() { return resume_; }
  FakeClock& clock() { return clock_; }

 private:
  void attempt(std::string_view bytes, Cut cut) {
    move_ = {};
    resume_.begin(clock_.now());
    const size_t most = step == 0 ? std::max<size_t>(bytes.size(), 1) : step;
    while (!bytes.empty() && goes_on()) {
      take(resume_.see(bytes.substr(0, most), clock_.now()));
      bytes.remove_prefix(std::min(most, bytes.size()));
    }
    if (goes_on()) end(cut);
    EXPECT_FALSE(goes_on()) << "an attempt that ended has to lead somewhere";
  }
  void end(Cut cut) {
    const auto broken = [](Code code) {
      return Error::upstream(code, Stage::kBody, Retry::kNever, "");
    };
    switch (cut) {
      case Cut::kNone:
      case Cut::kFin:
        return take(resume_.end(clock_.now()));
      case Cut::kReset:
        return take(resume_.failed(broken(Code::kUpstreamClosed), clock_.now()));
      case Cut::kStall:
        if (const auto due = resume_.deadline()) {
          clock_.advance(*due - clock_.now());
          take(resume_.tick(clock_.now()));
        }
        clock_.advance(std::chrono::seconds(60));
        if (goes_on()) take(resume_.failed(broken(Code::kIdleTimeout), clock_.now()));
        return;
      case Cut::kBadChunk:
        return take(resume_.failed(broken(Code::kBadAnswer), clock_.now()));
      case Cut::kErrorEvent:
        take(resume_.see("\n\n" + api_.error_event(), clock_.now()));
        if (goes_on()) take(resume_.end(clock_.now()));
    }
  }
  bool goes_on() const {
    return !ran_.whole && !ran_.failed && move_.next == ResumeMove::Next::kReadOn;
  }
  void take(ResumeMove move) {
    EXPECT_FALSE(ran_.whole || ran_.failed) << "a move after the end";
    ran_.down += move.bytes;
    ran_.stumbles += move.stumbled ? 1 : 0;
    ran_.whole = move.next == ResumeMove::Next::kFinish;
    if (move.next == ResumeMove::Next::kFail) fail(*move.error, move.told);
    move_ = std::move(move);
  }
  void fail(const Error& error, bool told) {
    ran_.failed = true;
    ran_.error = error;
    if (!told) ran_.down += error_event(api_.dialect(), error, "id", clock_.wall());
  }

  const FakeApi& api_;
  const ResumeSettings settings_;
  SeededRandom random_{7};
  FakeClock clock_;
  Resume resume_;
  ResumeMove move_;
  Ran ran_;
};

inline ResumeSettings recovering(Continuation continuation = Continuation::kPrompt) {
  ResumeSettings settings;
  settings.on = true;
  settings.continuation = continuation;
  return settings;
}

}  // namespace culvert::test
