// Reads the bytes of a head before llhttp does and refuses what llhttp lets through: bare CR or LF,
// second spaces, other versions and methods, heads without bound. It also finds the head's end by
// itself, so that two readers must agree on it. One byte at a time, but for whole lines that are
// plainly acceptable: the verdict is the same however the bytes are split. Inside codec only.
#pragma once

#include "relay/codec/http_event.h"
#include "relay/codec/offence.h"
#include "relay/codec/plain_head.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace culvert {

class HeadScanner {
 public:
  using Kind = HeadKind;

  HeadScanner(Kind kind, const HeadLimits& limits) : kind_(kind), limits_(limits) {}

  void begin();  // of the next head

  // How many bytes from the front belong to the head and are acceptable; all of them unless done()
  // or offence().
  size_t scan(std::string_view bytes);

  bool fresh() const { return step_ == Step::kStart && empty_lines_ == 0; }  // since begin()
  bool done() const { return step_ == Step::kDone; }
  size_t fields() const { return fields_; }    // begun so far
  bool started() const { return bytes_ > 0; }  // a byte other than of empty lines was seen
  const std::optional<Offence>& offence() const { return offence_; }

 private:
  enum class Step : uint8_t {
    kStart,
    kEmptyLineEnd,
    kMethod,
    kTarget,
    kVersion,
    kVersionEnd,
    kStatus,
    kStatusEnd,
    kReason,
    kLineEnd,
    kFieldStart,
    kName,
    kValue,
    kHeadEnd,
    kDone,
  };

  size_t plain_lines(std::string_view bytes);
  void byte(char c);
  void start_byte(char c);
  void method_byte(char c);
  void target_byte(char c);
  void version_byte(char c);
  void status_byte(char c);
  void text_byte(char c);
  void field_start_byte(char c);
  void name_byte(char c);
  void expect(char c, char wanted, Step next);
  void refuse(Code code, const char* detail);
  void go(Step step);

  Kind kind_;
  HeadLimits limits_;
  Step step_ = Step::kStart;
  size_t bytes_ = 0;        // of this head, without leading empty lines
  size_t step_bytes_ = 0;   // of this step
  size_t fields_ = 0;       //
  size_t empty_lines_ = 0;  //
  unsigned methods_ = 0;    // a bit for each method that the bytes so far may become
  std::optional<Offence> offence_;
};

}  // namespace culvert
