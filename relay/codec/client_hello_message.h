// The body of a whole ClientHello (RFC 8446 §4.1.2, and RFC 5246 §7.4.1.2 for older ones): what it
// takes to route a connection that is not ours to decrypt. Pure. What routing does not read is the
// destination's to judge, but every length is held, so that the two cannot read different names.
#pragma once

#include "relay/codec/tls_alert.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

// GREASE (RFC 8701) is left out of both lists.
struct ClientHello {
  std::string server_name;         // lower case, a host name and no address; "" where there is none
  std::vector<std::string> alpn;   // RFC 7301, in the client's order
  std::vector<uint16_t> versions;  // 0x0304 is TLS 1.3; in the client's order. Of a hello that does
                                   // not list them: the highest one alone
  // Encrypted Client Hello (RFC 9849) in its outer form: server_name is then the public name of
  // whoever can decrypt it, or the client only pretends (GREASE), which nobody else can tell.
  bool has_ech = false;
  bool has_early_data = false;  // data of TLS 1.3 may follow at once

  static constexpr size_t kProtocols = 64;  // of ALPN; clients offer two or three
  friend bool operator==(const ClientHello&, const ClientHello&) = default;
};

struct HelloFlaw {
  TlsAlert alert = TlsAlert::kDecodeError;
  const char* detail = "";  // a sentence without its full stop, with the RFC's section
};

// body: without the four bytes of the handshake's header. nullopt where *out holds the hello.
std::optional<HelloFlaw> parse_client_hello(std::string_view body, ClientHello* out);

}  // namespace culvert
