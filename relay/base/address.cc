// Addresses, networks and socket addresses in text. inet_pton(3) is the parser because it takes one
// spelling only: no octal, no hexadecimal, no short forms, which others read as other addresses.
#include "relay/base/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace culvert {
namespace {

constexpr int kMappedBits = 96;

bool is_mapped(const std::array<uint8_t, 16>& bytes) {
  return std::all_of(bytes.begin(), bytes.begin() + 10, [](uint8_t byte) { return byte == 0; }) &&
         bytes[10] == 0xFF && bytes[11] == 0xFF;
}

Error invalid(std::string detail) {
  return Error::ours(Code::kInvalidConfig, Stage::kNone, std::move(detail));
}

// A decimal number up to `most`, without sign and without leading zeros.
std::optional<int> decimal(std::string_view text, int most) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  int number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return number <= most ? std::optional(number) : std::nullopt;
}

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
  if (text.empty() || text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string terminated(text);
  if (text.find(':') == std::string_view::npos) {
    std::array<uint8_t, 4> four{};
    if (inet_pton(AF_INET, terminated.c_str(), four.data()) != 1) return std::nullopt;
    return v4(four);
  }
  std::array<uint8_t, 16> sixteen{};
  if (inet_pton(AF_INET6, terminated.c_str(), sixteen.data()) != 1) return std::nullopt;
  return v6(sixteen);
}

std::optional<Address> Address::from(const sockaddr* address) {
  if (address == nullptr) return std::nullopt;
  if (address->sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof in);
    std::array<uint8_t, 4> four{};
    std::memcpy(four.data(), &in.sin_addr, four.size());
    return v4(four);
  }
  if (address->sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 in6{};
  std::memcpy(&in6, address, sizeof in6);
  std::array<uint8_t, 16> sixteen{};
  std::memcpy(sixteen.data(), &in6.sin6_addr, sixteen.size());
  return v6(sixteen);
}

Address Address::v4(std::array<uint8_t, 4> bytes) {
  Address address;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  return address;
}

Address Address::v6(std::array<uint8_t, 16> bytes) {
  if (is_mapped(bytes)) return v4({bytes[12], bytes[13], bytes[14], bytes[15]});
  Address address;
  address.v4_ = false;
  address.bytes_ = bytes;
  return address;
}

std::string Address::text() const {
  char out[INET6_ADDRSTRLEN] = {};
  inet_ntop(v4_ ? AF_INET : AF_INET6, bytes_.data(), out, sizeof out);
  return out;
}

socklen_t Address::to_sockaddr(uint16_t port, sockaddr_storage* out) const {
  std::memset(out, 0, sizeof *out);
  if (v4_) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::memcpy(&in.sin_addr, bytes_.data(), 4);
    std::memcpy(out, &in, sizeof in);
    return sizeof in;
  }
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(port);
  std::memcpy(&in6.sin6_addr, bytes_.data(), 16);
  std::memcpy(out, &in6, sizeof in6);
  return sizeof in6;
}

Address Address::truncated(int bits) const {
  Address kept = *this;
  for (size_t i = 0; i < kept.bytes_.size(); ++i) {
    const int in_byte = std::clamp(bits - static_cast<int>(i) * 8, 0, 8);
    kept.bytes_[i] = static_cast<uint8_t>(kept.bytes_[i] & (0xFF00 >> in_byte));
  }
  return kept;
}

Result<Network> Network::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto head = text.substr(0, slash);
  const auto address = Address::parse(head);
  if (!address) {
    return invalid(
        fmt::format("\"{}\" is not an IP network; allowed are addresses and CIDRs such as "
                    "10.0.0.0/8 or fd00::/8",
                    text));
  }
  const bool mapped = address->is_v4() && head.find(':') != std::string_view::npos;
  const int most = address->is_v4() && !mapped ? 32 : 128;
  auto bits = slash == std::string_view::npos ? most : decimal(text.substr(slash + 1), most);
  if (bits && mapped)
    bits = *bits >= kMappedBits ? std::optional(*bits - kMappedBits) : std::nullopt;
  if (!bits) {
    return invalid(fmt::format("\"{}\" has a bad prefix length; allowed are {} to {}", text,
                               mapped ? kMappedBits : 0, most));
  }
  if (address->truncated(*bits) != *address) {
    return invalid(fmt::format("\"{}\" has host bits set; the network is {}/{}", text,
                               address->truncated(*bits).text(), *bits));
  }
  return Network{*address, *bits};
}

bool Network::contains(const Address& other) const {
  return other.is_v4() == address.is_v4() && other.truncated(bits) == address;
}

Result<SocketAddress> SocketAddress::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  std::optional<Address> address;
  std::optional<int> port;
  if (colon != std::string_view::npos) {
    auto host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    // Brackets and colons go together: without the brackets the port could not be told apart.
    if ((host.find(':') != std::string_view::npos) == bracketed) address = Address::parse(host);
    port = decimal(text.substr(colon + 1), 65535);
  }
  if (!address || !port) {
    return invalid(fmt::format(
        "\"{}\" is not ADDRESS:PORT; allowed are IP addresses with a port from 0 to 65535, such as "
        "127.0.0.1:8080 or [::1]:8080",
        text));
  }
  return SocketAddress{*address, static_cast<uint16_t>(*port)};
}

std::string SocketAddress::text() const {
  if (address.is_v4()) return fmt::format("{}:{}", address.text(), port);
  return fmt::format("[{}]:{}", address.text(), port);
}

}  // namespace culvert
