// The PROXY protocol of HAProxy (its proxy-protocol.txt), versions 1 and 2: who a connection was
// accepted from, told in front of its first byte by the proxy that accepted it. Pure. Whoever may
// speak first may claim any address: it is read only where a listener is configured for it.
#pragma once

#include "relay/base/address.h"
#include "relay/base/limits.h"
#include "relay/base/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

enum class ProxyVersion : uint8_t { kOne, kTwo };
enum class ProxyVersions : uint8_t { kOne, kTwo, kEither };

struct ProxyHeader {
  enum class Kind : uint8_t {
    // The addresses of the connection itself count: the proxy's own check (LOCAL), or somebody of
    // whom it can tell no TCP address (UNKNOWN, UNSPEC, UNIX sockets, datagrams).
    kLocal,
    kProxy,  // source and destination count
  };
  Kind kind = Kind::kLocal;
  SocketAddress source;       // the client
  SocketAddress destination;  // where it had connected to
  size_t length = 0;          // of the header in bytes; the stream itself begins behind it
  friend bool operator==(const ProxyHeader&, const ProxyHeader&) = default;
};

namespace proxy_protocol {

inline constexpr size_t kLineBytes = 107;  // of version 1 with its CRLF: the specification's bound
// Behind the 16 bytes of version 2: addresses have 216 at most; the rest are TLVs, of which the
// largest is a client's certificate of 2 KiB. The length's 64 KiB nobody needs.
inline constexpr size_t kBlockBytes = 4 * limits::kKiB;
// What a caller may have to keep before it is told.
inline constexpr size_t kBytes = 16 + kBlockBytes;

}  // namespace proxy_protocol

// bytes: all that has come of the connection so far. nullopt where more are needed. Once there, the
// answer does not change with further bytes. Errors are the client's, stage kRequest (a bound:
// kLimit). TLVs are held to their lengths and skipped, but that a CRC-32C must be right.
Result<std::optional<ProxyHeader>> read_proxy_header(std::string_view bytes,
                                                     ProxyVersions versions);

// Addresses of two families are both written as IPv6.
std::string write_proxy_header(ProxyVersion version,
                               const SocketAddress& source,
                               const SocketAddress& destination);
// For connections on the relay's own behalf, such as checks.
std::string write_local_proxy_header(ProxyVersion version);

}  // namespace culvert
