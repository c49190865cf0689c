// What a certificate says, and whether it holds.
#include "relay/crypto/certificates.h"

#include "relay/crypto/digest.h"
#include "relay/crypto/random_bytes.h"
#include "relay/crypto/x509.h"

#include <fmt/format.h>
#include <mbedtls/oid.h>

#include <ctime>

namespace culvert {
namespace {

WallTime time_of(const mbedtls_x509_time& time) {
  std::tm utc{};
  utc.tm_year = time.year - 1900;
  utc.tm_mon = time.mon - 1;
  utc.tm_mday = time.day;
  utc.tm_hour = time.hour;
  utc.tm_min = time.min;
  utc.tm_sec = time.sec;
  return std::chrono::system_clock::from_time_t(::timegm(&utc));
}

std::string hexadecimal(const unsigned char* data, size_t size) {
  std::string text;
  for (size_t i = 0; i < size; ++i) text += fmt::format("{:02x}", data[i]);
  return text;
}

}  // namespace

Result<CertificateInfo> read_certificate(std::string_view pem) {
  x509::Certificate certificate;
  CULVERT_CHECK(x509::read_pem(pem, certificate.get()));
  const Digest digest =
      sha256({reinterpret_cast<const char*>(certificate->raw.p), certificate->raw.len});
  return CertificateInfo{.name = x509::common_name(certificate->subject),
                         .serial = hexadecimal(certificate->serial.p, certificate->serial.len),
                         .fingerprint = hexadecimal(digest.data(), digest.size()),
                         .from = time_of(certificate->valid_from),
                         .until = time_of(certificate->valid_to),
                         .server = mbedtls_x509_crt_check_extended_key_usage(
                                       certificate.get(), MBEDTLS_OID_SERVER_AUTH,
                                       MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) == 0};
}

Result<void> verify_certificate(std::string_view pem, std::string_view authority, WallTime now) {
  x509::Certificate certificate;
  CULVERT_CHECK(x509::read_pem(pem, certificate.get()));
  x509::Certificate issuer;
  CULVERT_CHECK(x509::read_pem(authority, issuer.get()));
  uint32_t flags = 0;
  // The library judges times by the machine's clock; they are judged below, by ours.
  const uint32_t times = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE;
  const int code = mbedtls_x509_crt_verify(certificate.get(), issuer.get(), nullptr, nullptr,
                                           &flags, nullptr, nullptr);
  if ((code != 0 && code != MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) || (flags & ~times) != 0) {
    return x509::invalid("the certificate is not signed by the authority");
  }
  if (now < time_of(certificate->valid_from))
    return x509::invalid("the certificate is not valid yet");
  if (now > time_of(certificate->valid_to)) return x509::invalid("the certificate has expired");
  return {};
}

bool keys_match(std::string_view certificate, const Secret& key) {
  x509::Certificate parsed;
  x509::Key pair;
  return x509::read_pem(certificate, parsed.get()) && x509::read_key(key, pair.get()) &&
         mbedtls_pk_check_pair(&parsed->pk, pair.get(), fill_random, nullptr) == 0;
}

}  // namespace culvert
