// Any bytes as a part of a spool's segment. What is given was framed by us and lies in order; what
// is damaged never hides the sound record behind it.
#include "relay/usage/segment.h"
#include "tests/fuzz/fuzz.h"

namespace culvert::test {
namespace {

void read(std::string_view input) {
  RecordReader reader(input);
  size_t before = 0;
  uint64_t bytes = 0;
  while (const auto record = reader.next()) {
    const size_t end = reader.position();
    require(end > before && end <= input.size(), "records lie in order");
    std::string again;
    require(frame(*record, &again), "a record that was read can be written");
    require(input.substr(end - again.size(), again.size()) == again, "and is what was read");
    before = end;
    bytes += again.size();
  }
  require(bytes + reader.damaged() == before, "all bytes are a record's or damaged");
  require(!reader.next(), "the end stays the end");
}

void find_behind(std::string_view input) {
  std::string bytes(input);
  require(frame("the last", &bytes), "a small record fits");
  RecordReader reader(bytes);
  std::string_view last;
  while (const auto record = reader.next()) {
    // A checksum can be made up so that what came before takes the first bytes of the last one.
    const bool begins_before = record->data() - kRecordFrame < bytes.data() + input.size();
    if (begins_before && reader.position() > input.size()) return;
    last = *record;
  }
  require(last == "the last", "a sound record was hidden");
  require(reader.position() == bytes.size(), "it ends where it ends");
}

}  // namespace
}  // namespace culvert::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert;        // NOLINT(google-build-using-namespace)
  using namespace culvert::test;  // NOLINT(google-build-using-namespace)
  const std::string_view input = text(data, size);
  read(input);
  find_behind(input);
  if (const auto records = records_of_head(input)) {
    const auto head = segment_head(*records);
    require(input.substr(0, head.size()) == std::string_view(head.data(), head.size()),
            "a head is read as it is written");
  }
  return 0;
}
