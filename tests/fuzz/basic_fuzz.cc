// A Proxy-Authorization, as CONNECT takes it: the input as the field's value, as what stands behind
// `Basic`, and encoded as the pair itself. Nobody is let in but by the token, whole and in its
// place; what is read out of a pair is what RFC 7617 says stands there.
#include "relay/base/base64.h"
#include "relay/base/text.h"
#include "relay/gate/basic.h"
#include "relay/gate/credentials.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/gate/asked.h"

#include <algorithm>
#include <optional>

namespace culvert::test {
namespace {

using gate_test::kToken;

Credentials read_field(std::string_view value) {
  static const Tokens kTokens = gate_test::two_tokens();
  Headers headers;
  headers.add("Proxy-Authorization", value);
  Credentials read = read_credentials(headers, "host.example:443", nullptr, {}, kTokens);
  require(!read.fault, "one field is never ambiguous");
  require(read.own_keys.empty(), "a proxy's credential is no upstream key");
  require(!(read.authenticated && read.wrong_token), "right and wrong at once");
  return read;
}

bool is_ours(std::string_view token) { return gate_test::two_tokens().is_token(token); }

// The pair's password, or its name where that is empty, said in another way than the code under
// test says it.
std::optional<std::string> token_in(std::string_view pair) {
  const bool visible = std::none_of(pair.begin(), pair.end(), [](unsigned char c) {
    return c < ' ' || c == 127;
  });
  const size_t colon = pair.find(':');
  if (!visible || colon == std::string_view::npos || pair == ":") return std::nullopt;
  if (colon + 1 == pair.size()) return std::string(pair.substr(0, colon));
  return std::string(pair.substr(colon + 1));
}

void check_pair(std::string_view pair) {
  const auto token = basic_token(base64_encode(pair));
  const auto wanted = token_in(pair);
  require(token.has_value() == wanted.has_value(), "read, or not, as the RFC says");
  if (token) require(token->reveal() == *wanted, "another token than the pair's");
  const bool in = read_field("Basic " + base64_encode(pair)).authenticated;
  require(in == (wanted && is_ours(*wanted)), "let in by another pair than the token's");
}

void check_field(std::string_view value) {
  if (!read_field(value).authenticated) return;
  const std::string_view text = trim(value);
  const size_t space = std::min(text.find(' '), text.size());
  const std::string_view rest = trim(text.substr(space));
  const auto basic = basic_token(rest);
  require(is_ours(rest) || (basic && is_ours(basic->reveal())), "let in without the token");
}

}  // namespace
}  // namespace culvert::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert;        // NOLINT(google-build-using-namespace)
  using namespace culvert::test;  // NOLINT(google-build-using-namespace)
  const std::string_view input = text(data, size);
  check_pair(input);
  check_field(input);
  check_field("Basic " + std::string(input));
  if (const auto pair = base64_decode(input)) check_pair(*pair);
  return 0;
}
