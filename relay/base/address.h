// IP addresses, networks and host patterns: who may be reached, who is asking. Pure.
#pragma once

#include "relay/base/result.h"

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

// An IPv4 or IPv6 address without a port. IPv4-mapped IPv6 addresses (::ffff:0:0/96) become IPv4,
// so that no rule can be passed by in the other spelling.
class Address {
 public:
  static std::optional<Address> parse(std::string_view text);  // no brackets, no zone, no octal
  static std::optional<Address> from(const sockaddr* address);
  static Address v4(std::array<uint8_t, 4> bytes);
  static Address v6(std::array<uint8_t, 16> bytes);

  bool is_v4() const { return v4_; }
  const std::array<uint8_t, 16>& bytes() const { return bytes_; }  // v4: in the first four
  std::string text() const;
  // Fills storage for connect(2) and bind(2); returns its length.
  socklen_t to_sockaddr(uint16_t port, sockaddr_storage* out) const;
  // The first `bits` bits kept, the others zero: for logs and per-address limits.
  Address truncated(int bits) const;

  friend bool operator==(const Address&, const Address&) = default;
  friend auto operator<=>(const Address&, const Address&) = default;  // NOLINT: clang 14 sees a 0

 private:
  bool v4_ = true;
  std::array<uint8_t, 16> bytes_{};
};

// Globally reachable unicast per the IANA special-purpose registries (RFC 6890 and its updates):
// false for loopback, private, link-local (with the clouds' metadata addresses), shared
// (100.64/10), unique-local, documentation, benchmarking, multicast, reserved, unspecified, and for
// NAT64 (64:ff9b::/96), 6to4 and Teredo addresses that wrap one of those; local NAT64
// (64:ff9b:1::/48) is private whatever it wraps. Azure's metadata service has a public number and
// is refused too.
bool is_public(const Address& address);

struct Network {
  Address address;  // host bits zero
  int bits = 0;

  // "10.0.0.0/8", "fd00::/8", or a bare address (/32, /128). Host bits must be zero.
  static Result<Network> parse(std::string_view text);
  bool contains(const Address& address) const;
  friend bool operator==(const Network&, const Network&) = default;
};

// "api.example.com" or "*.example.com" (any number of labels below, not the name itself). An IPv4
// address in its plain form counts as a name; a dot at a host's end is ignored.
struct HostPattern {
  std::string text;  // lower case

  static Result<HostPattern> parse(std::string_view text);
  bool matches(std::string_view host) const;  // host in lower case or not
  friend bool operator==(const HostPattern&, const HostPattern&) = default;
};

// "127.0.0.1:8080", "[::1]:0"; the port is there, names are not taken.
struct SocketAddress {
  Address address;
  uint16_t port = 0;

  static Result<SocketAddress> parse(std::string_view text);
  std::string text() const;
  friend bool operator==(const SocketAddress&, const SocketAddress&) = default;
};

}  // namespace culvert
