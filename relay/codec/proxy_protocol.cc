// Telling the versions apart, and what both share; each version's reader below it, then writers.
#include "relay/codec/proxy_protocol.h"

#include "relay/base/crc32c.h"
#include "relay/codec/byte_cursor.h"
#include "relay/codec/characters.h"

#include <algorithm>
#include <array>

namespace culvert {
namespace {

using namespace std::string_view_literals;  // NOLINT(google-build-using-namespace)
using Read = Result<std::optional<ProxyHeader>>;

constexpr std::string_view kLineStart = "PROXY ";
constexpr std::string_view kSignature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::string_view kMapped = "\0\0\0\0\0\0\0\0\0\0\xFF\xFF"sv;  // RFC 4291 §2.5.5.2
constexpr size_t kFixedBytes = 16;

enum Command : uint8_t { kLocalCommand = 0x20, kProxyCommand = 0x21 };  // with the version 2
enum Family : uint8_t { kUnspecified = 0, kInet = 1, kInet6 = 2, kUnix = 3 };
enum Transport : uint8_t { kNoTransport = 0, kStream = 1, kDatagram = 2 };
constexpr uint32_t kCrcType = 3;  // PP2_TYPE_CRC32C
constexpr size_t kCrcBytes = 4;

Error bad(std::string detail, Stage stage = Stage::kRequest) {
  return Error::client(Code::kBadRequest, stage, "the PROXY header " + std::move(detail));
}

// Decimal, 0 to 65535, without leading zeros.
std::optional<uint16_t> port_of(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  if (!std::all_of(text.begin(), text.end(), is_digit_byte)) return std::nullopt;
  uint32_t port = 0;
  for (const char c : text) port = port * 10 + static_cast<uint32_t>(c - '0');
  if (port > 65535) return std::nullopt;
  return static_cast<uint16_t>(port);
}

std::optional<Address> address_of(std::string_view text, bool v4) {
  if ((text.find(':') == std::string_view::npos) != v4) return std::nullopt;
  return Address::parse(text);
}

// Exactly one space between two fields; the last field has what is left.
std::string_view next_field(std::string_view* line) {
  const size_t end = std::min(line->find(' '), line->size());
  const std::string_view field = line->substr(0, end);
  line->remove_prefix(std::min(end + 1, line->size()));
  return field;
}

// line: between "PROXY " and CRLF.
Result<ProxyHeader> read_line(std::string_view line) {
  ProxyHeader header;
  const std::string_view protocol = next_field(&line);
  if (protocol == "UNKNOWN") return header;
  const bool v4 = protocol == "TCP4";
  if (!v4 && protocol != "TCP6") {
    return bad("names another protocol than TCP4, TCP6 and UNKNOWN");
  }
  const auto source = address_of(next_field(&line), v4);
  const auto destination = address_of(next_field(&line), v4);
  if (!source || !destination) return bad("has an address that is none of its protocol");
  const auto source_port = port_of(next_field(&line));
  const auto destination_port = port_of(line);
  if (!source_port || !destination_port) {
    return bad("has no two ports of 0 to 65535 at its end, without leading zeros");
  }
  header.kind = ProxyHeader::Kind::kProxy;
  header.source = {*source, *source_port};
  header.destination = {*destination, *destination_port};
  return header;
}

Read read_version_one(std::string_view bytes) {
  const std::string_view window = bytes.substr(0, proxy_protocol::kLineBytes);
  const size_t end = window.find('\n');
  if (end == std::string_view::npos) {
    if (window.size() < proxy_protocol::kLineBytes) return std::optional<ProxyHeader>();
    return bad("of version 1 does not end within 107 bytes", Stage::kLimit);
  }
  if (window[end - 1] != '\r') return bad("of version 1 ends without CR");
  const size_t begin = kLineStart.size();
  ProxyHeader header = CULVERT_TRY(read_line(window.substr(begin, end - 1 - begin)));
  header.length = end + 1;
  return std::optional(header);
}

// Of both addresses with their ports; 0 where the layout of the block is not told.
size_t address_bytes(uint8_t family, uint8_t transport) {
  if (transport == kNoTransport) return 0;
  static constexpr std::array<size_t, 4> kSizes = {0, 12, 36, 216};
  return kSizes[family];
}

// whole: all of the header; tlvs: its end.
Result<void> check_tlvs(std::string_view whole, std::string_view tlvs) {
  bool summed = false;
  for (ByteCursor cursor(tlvs); !cursor.empty();) {
    const auto type = cursor.number(1);
    const auto value = cursor.vector(2);
    if (!type || !value) return bad("of version 2 has a TLV with a wrong length");
    if (*type != kCrcType) continue;
    if (value->size() != kCrcBytes || summed) {
      return bad("of version 2 has no single CRC-32C of four bytes");
    }
    summed = true;
    std::string zeroed(whole);
    const auto at = static_cast<size_t>(value->data() - whole.data());
    zeroed.replace(at, kCrcBytes, kCrcBytes, '\0');
    if (crc32c(zeroed) != ByteCursor(*value).number(kCrcBytes)) {
      return bad("of version 2 has a wrong CRC-32C");
    }
  }
  return {};
}

Address take_address(ByteCursor* cursor, uint8_t family) {
  std::array<uint8_t, 16> bytes{};
  const auto taken = cursor->bytes(family == kInet ? 4 : 16).value_or(""sv);
  std::copy(taken.begin(), taken.end(), bytes.begin());
  if (family == kInet) return Address::v4({bytes[0], bytes[1], bytes[2], bytes[3]});
  return Address::v6(bytes);
}

// whole: all of the header, whose length is right.
Result<ProxyHeader> read_block(std::string_view whole) {
  ProxyHeader header;
  header.length = whole.size();
  // The block of LOCAL is to be discarded, its family ignored.
  if (static_cast<uint8_t>(whole[12]) == kLocalCommand) return header;
  const auto family = static_cast<uint8_t>(static_cast<uint8_t>(whole[13]) >> 4U);
  const auto transport = static_cast<uint8_t>(static_cast<uint8_t>(whole[13]) & 0xFU);
  if (family > kUnix || transport > kDatagram) {
    return bad("of version 2 names an unknown family or transport");
  }
  const size_t size = address_bytes(family, transport);
  if (size == 0) return header;
  ByteCursor cursor(whole.substr(kFixedBytes));
  const auto addresses = cursor.bytes(size);
  if (!addresses) return bad("of version 2 is too short for its addresses");
  CULVERT_CHECK(check_tlvs(whole, whole.substr(kFixedBytes + size)));
  if (family == kUnix || transport != kStream) return header;
  ByteCursor fields(*addresses);
  header.kind = ProxyHeader::Kind::kProxy;
  header.source.address = take_address(&fields, family);
  header.destination.address = take_address(&fields, family);
  header.source.port = static_cast<uint16_t>(fields.number(2).value_or(0));
  header.destination.port = static_cast<uint16_t>(fields.number(2).value_or(0));
  return header;
}

Read read_version_two(std::string_view bytes) {
  ByteCursor cursor(bytes);
  cursor.bytes(kSignature.size());
  const auto command = cursor.number(1);
  if (!command) return std::optional<ProxyHeader>();
  if (*command != kLocalCommand && *command != kProxyCommand) {
    return bad("of version 2 has another version or an unknown command");
  }
  cursor.bytes(1);
  const auto length = cursor.number(2);
  if (!length) return std::optional<ProxyHeader>();
  if (*length > proxy_protocol::kBlockBytes) {
    return bad("of version 2 is longer than 4 KiB", Stage::kLimit);
  }
  if (bytes.size() < kFixedBytes + *length) return std::optional<ProxyHeader>();
  return std::optional(CULVERT_TRY(read_block(bytes.substr(0, kFixedBytes + *length))));
}

bool begins(std::string_view bytes, std::string_view start) {
  return bytes.substr(0, start.size()) == start.substr(0, bytes.size());
}

std::string address_text(const Address& address, bool v4) {
  return address.is_v4() && !v4 ? "::ffff:" + address.text() : address.text();
}

void add_address(const Address& address, bool v4, std::string* out) {
  if (address.is_v4() && !v4) out->append(kMapped);
  const auto* bytes = reinterpret_cast<const char*>(address.bytes().data());
  out->append(bytes, address.is_v4() ? 4 : 16);
}

void add_number(size_t number, std::string* out) {
  *out += static_cast<char>(number >> 8U);
  *out += static_cast<char>(number & 0xFFU);
}

std::string version_two_start(uint8_t command, uint8_t family, size_t length) {
  std::string out(kSignature);
  out += static_cast<char>(command);
  out += static_cast<char>(family == kUnspecified ? 0 : family << 4U | kStream);
  add_number(length, &out);
  return out;
}

}  // namespace

Read read_proxy_header(std::string_view bytes, ProxyVersions versions) {
  const bool one = begins(bytes, kLineStart);
  if (!one && !begins(bytes, kSignature)) {
    return bad("is missing: the connection begins with other bytes");
  }
  if (bytes.size() < (one ? kLineStart : kSignature).size()) return std::optional<ProxyHeader>();
  if (versions == (one ? ProxyVersions::kTwo : ProxyVersions::kOne)) {
    return bad(one ? "is of version 1; only version 2 is taken here"
                   : "is of version 2; only version 1 is taken here");
  }
  return one ? read_version_one(bytes) : read_version_two(bytes);
}

std::string write_proxy_header(ProxyVersion version,
                               const SocketAddress& source,
                               const SocketAddress& destination) {
  const bool v4 = source.address.is_v4() && destination.address.is_v4();
  if (version == ProxyVersion::kOne) {
    return std::string(kLineStart) + (v4 ? "TCP4 " : "TCP6 ") + address_text(source.address, v4) +
           " " + address_text(destination.address, v4) + " " + std::to_string(source.port) + " " +
           std::to_string(destination.port) + "\r\n";
  }
  const uint8_t family = v4 ? kInet : kInet6;
  std::string out = version_two_start(kProxyCommand, family, address_bytes(family, kStream));
  add_address(source.address, v4, &out);
  add_address(destination.address, v4, &out);
  add_number(source.port, &out);
  add_number(destination.port, &out);
  return out;
}

std::string write_local_proxy_header(ProxyVersion version) {
  if (version == ProxyVersion::kOne) return "PROXY UNKNOWN\r\n";
  return version_two_start(kLocalCommand, kUnspecified, 0);
}

}  // namespace culvert
