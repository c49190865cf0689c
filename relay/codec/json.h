// The few words that the relay reads out of JSON that passes: the model's name of a request, the
// token counts of an answer. Tolerant: what has another shape says nothing.
#pragma once

#include "relay/base/dialect.h"
#include "relay/base/limits.h"
#include "relay/codec/json_slice.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

// Finds the top-level string member "model" of a JSON object in a body that arrives in pieces, so
// that a route can be chosen before the whole of it is here. Of duplicates the first counts. It
// checks no more of the grammar than it needs: the upstream is the judge of the rest.
class ModelScanner {
 public:
  enum class State : uint8_t {
    kNeedMore,
    kFound,   // model() is it
    kAbsent,  // the object ended without, the member is no string, or this is no JSON object
  };

  static constexpr size_t kModelBytes = limits::kModelBytes;  // a longer name: kAbsent

  State feed(std::string_view bytes);
  State finish();  // the body ended: kNeedMore becomes kAbsent
  State state() const { return state_; }
  const std::string& model() const { return model_; }  // unescaped UTF-8

  // How many bytes it has looked at: of kFound those up to the end of the model's literal. It
  // begins at model_begin(), its quotes counted in; in_literal(): it has begun and not ended.
  uint64_t position() const { return position_; }
  uint64_t model_begin() const { return model_begin_; }
  bool in_literal() const { return step_ == Step::kInModel; }
  // After kFound: goes on behind it, to see whether the object has another "model", in whatever
  // case, because some servers read names without it.
  void search_on();
  bool closed() const { return closed_; }  // kAbsent, because the object came to its end

 private:
  enum class Step : uint8_t {
    kStart,       // before the object
    kFirstKey,    // a key or the object's end
    kKey,         // a key
    kInKey,       // inside its string
    kColon,       //
    kValue,       // before a value
    kInModel,     // inside the string that is looked for
    kNested,      // inside an object or array of no interest
    kInString,    // inside a string of no interest, nested or not
    kScalar,      // inside a number or word
    kAfterValue,  //
  };

  size_t plain_run(std::string_view bytes);
  void step(char c);
  void value_byte(char c);
  void nested_byte(char c);
  void after_value_byte(char c);
  void text_byte(char c);
  void escape_byte(char c);
  void hex_byte(char c);
  void end_text();
  void append_unit(uint32_t unit);
  void end_half_pair();
  void append(std::string_view bytes);
  void absent() { state_ = State::kAbsent; }

  State state_ = State::kNeedMore;
  Step step_ = Step::kStart;
  std::string text_;  // of the key or the model, unescaped
  std::string model_;
  bool escaped_ = false;
  bool is_model_ = false;  // the last key
  bool again_ = false;     // behind the first model
  bool closed_ = false;
  uint64_t position_ = 0;
  uint64_t model_begin_ = 0;
  int hex_left_ = 0;
  uint32_t hex_ = 0;
  uint32_t high_surrogate_ = 0;
  uint64_t depth_ = 0;  // of brackets inside the object
};

// Tokens of one answer, in one meaning for all vendors: input has all that was read (cached or
// not), output all that was written (thoughts too); cached and reasoning are parts of them.
struct Usage {
  std::optional<uint64_t> input;
  std::optional<uint64_t> output;
  std::optional<uint64_t> cached;
  std::optional<uint64_t> reasoning;

  // Vendors report running totals; the larger number is the later one.
  void merge(const Usage& other);
  bool empty() const { return !input && !output && !cached && !reasoning; }
  friend bool operator==(const Usage&, const Usage&) = default;
};

// Of a whole answer or of one event's data. kOpenAi takes chat completions, completions, embeddings
// and Responses (also inside "response"), kAnthropic also "message.usage", kGemini "usageMetadata"
// (of an array of answers the last). Empty where there is none, for kOpaque, and for what is not
// JSON.
Usage usage_of(Dialect dialect, std::string_view json);

// Of the `usage` or `usageMetadata` itself, without a parser.
Usage usage_of_object(Dialect dialect, JsonSlice usage);

}  // namespace culvert
