// Any bytes as the beginning of a connection behind a proxy. The answer is the same however they
// come in; and the addresses that are read are written and read again as the same.
#include "relay/codec/proxy_protocol.h"
#include "tests/fuzz/fuzz.h"

namespace culvert::test {
namespace {

std::string said(const Pieces& pieces) {
  std::string so_far;
  for (const Piece& piece : pieces) {
    so_far += piece.view();
    const auto read = read_proxy_header(Piece(so_far).view(), ProxyVersions::kEither);
    if (!read) return read.error().detail;
    if (!read->has_value()) {
      require(so_far.size() < proxy_protocol::kBytes, "all that it may need is there");
      continue;
    }
    const ProxyHeader& header = **read;
    require(header.length <= so_far.size(), "the header has come");
    return header.source.text() + " " + header.destination.text() + " " +
           std::to_string(header.length);
  }
  return "more";
}

void write_again(const ProxyHeader& header) {
  if (header.kind == ProxyHeader::Kind::kLocal) return;
  for (const ProxyVersion version : {ProxyVersion::kOne, ProxyVersion::kTwo}) {
    const std::string bytes = write_proxy_header(version, header.source, header.destination);
    const auto again = read_proxy_header(bytes, ProxyVersions::kEither);
    require(again && *again && (*again)->length == bytes.size(), "what is written is read");
    require((*again)->source == header.source && (*again)->destination == header.destination,
            "as the same");
  }
}

}  // namespace
}  // namespace culvert::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert;        // NOLINT(google-build-using-namespace)
  using namespace culvert::test;  // NOLINT(google-build-using-namespace)
  const std::string_view input = text(data, size);
  same_at_splits(input, said);
  const auto either = read_proxy_header(input, ProxyVersions::kEither);
  const auto one = read_proxy_header(input, ProxyVersions::kOne);
  const auto two = read_proxy_header(input, ProxyVersions::kTwo);
  if (either && *either) {
    write_again(**either);
    require(one.has_value() != two.has_value(), "it is of one version");
    require(one ? **one == **either : **two == **either, "read as where either is taken");
  }
  return 0;
}
