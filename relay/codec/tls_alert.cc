// Seven bytes. The record's version is that of TLS 1.2, which RFC 8446 §5.1 demands of every record
// but a ClientHello's, and which older clients take too: none is negotiated yet.
#include "relay/codec/tls_alert.h"

namespace culvert {

std::string tls_alert_record(TlsAlert alert) {
  static constexpr char kAlertType = 21;
  static constexpr char kFatal = 2;
  return {kAlertType, 3, 3, 0, 2, kFatal, static_cast<char>(alert)};
}

}  // namespace culvert
