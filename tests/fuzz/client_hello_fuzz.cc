// Any bytes as the beginning of a connection, and as the body of a ClientHello with right lengths
// around it. The same is said at every split; how a message is cut into records changes nothing;
// and a second reader, which looks for the name alone, finds the same one.
#include "tests/fuzz/fuzz.h"
#include "tests/unit/codec/client_hello_text.h"
#include "tests/unit/codec/hello_bytes.h"

namespace culvert::test {
namespace {

size_t number_at(std::string_view bytes, size_t at, size_t width) {
  size_t out = 0;
  for (size_t i = 0; i < width; ++i) out = out << 8U | static_cast<unsigned char>(bytes.at(at + i));
  return out;
}

// Of a body that the reader took: walks to the extensions by the offsets of RFC 8446 §4.1.2.
std::string name_in(std::string_view body) {
  size_t at = 34;
  at += 1 + number_at(body, at, 1);
  at += 2 + number_at(body, at, 2);
  at += 1 + number_at(body, at, 1);
  if (at == body.size()) return "";
  for (at += 2; at < body.size(); at += 4 + number_at(body, at + 2, 2)) {
    if (number_at(body, at, 2) != 0) continue;
    std::string name(body.substr(at + 9, number_at(body, at + 7, 2)));
    for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    return name;
  }
  return "";
}

void check_body(std::string_view body) {
  const std::string message = handshake(body);
  const std::string said = same_at_splits(records(message), hello_said);
  for (const size_t size : {1U, 100U}) {
    if (message.size() / size >= ClientHelloReader::kRecords) continue;
    require(hello_said(whole(records(message, size))) == said, "records changed what was said");
  }
  require(said != "more", "a whole message is answered");
  ClientHelloReader reader;
  const auto seen = reader.see(records(message));
  if (!seen) {
    require(reader.alert().has_value(), "a flaw has an alert");
    return;
  }
  require((*seen)->server_name == name_in(body), "the two read different names");
  require((*seen)->alpn.size() <= ClientHello::kProtocols, "bounded");
}

}  // namespace
}  // namespace culvert::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert;        // NOLINT(google-build-using-namespace)
  using namespace culvert::test;  // NOLINT(google-build-using-namespace)
  const std::string_view input = text(data, size);
  same_at_splits(input, hello_said);
  // Of a connection, what stands behind the headers of its first record and message.
  const bool connection = input.size() > 9 && input[0] == 22;
  check_body(connection ? input.substr(9) : input);
  return 0;
}
