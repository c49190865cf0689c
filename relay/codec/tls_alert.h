// TLS alerts in plain text (RFC 8446 §6): what a relay that does not terminate TLS says before it
// closes, so that a client can tell why. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace culvert {

enum class TlsAlert : uint8_t {
  kUnexpectedMessage = 10,
  kRecordOverflow = 22,
  kHandshakeFailure = 40,
  kIllegalParameter = 47,
  kAccessDenied = 49,
  kDecodeError = 50,
  kProtocolVersion = 70,
  kInternalError = 80,
  kUnrecognizedName = 112,  // RFC 6066 §3
};

// One fatal alert in a record of its own. It is not protected, which is right only before the
// destination has answered: later it would break into a conversation of others.
std::string tls_alert_record(TlsAlert alert);

}  // namespace culvert
