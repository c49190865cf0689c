// Alerts byte for byte, against RFC 8446 §6 and §5.1.
#include "relay/codec/tls_alert.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(TlsAlert, IsOneFatalRecord) {
  using namespace std::string_literals;  // NOLINT(google-build-using-namespace)
  EXPECT_EQ(tls_alert_record(TlsAlert::kUnrecognizedName), "\x15\x03\x03\0\x02\x02\x70"s);
  EXPECT_EQ(tls_alert_record(TlsAlert::kDecodeError), "\x15\x03\x03\0\x02\x02\x32"s);
  EXPECT_EQ(tls_alert_record(TlsAlert::kHandshakeFailure), "\x15\x03\x03\0\x02\x02\x28"s);
  EXPECT_EQ(tls_alert_record(TlsAlert::kInternalError), "\x15\x03\x03\0\x02\x02\x50"s);
}

}  // namespace
}  // namespace culvert
