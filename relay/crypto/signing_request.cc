// For who enrols: a key pair, and a request that proves that it has it.
#include "relay/crypto/certificates.h"
#include "relay/crypto/random_bytes.h"
#include "relay/crypto/x509.h"

#include <mbedtls/x509_csr.h>

#include <array>

namespace culvert {
namespace {

using RequestWriter =
    x509::Scoped<mbedtls_x509write_csr, mbedtls_x509write_csr_init, mbedtls_x509write_csr_free>;

}  // namespace

Secret make_private_key() {
  x509::Key key;
  x509::generate_key(key.get());
  return x509::key_pem(key.get());
}

Result<std::string> make_signing_request(const Secret& key, std::string_view name) {
  x509::Key pair;
  CULVERT_CHECK(x509::read_key(key, pair.get()));
  const std::string subject = CULVERT_TRY(x509::subject_of(name));
  RequestWriter writer;
  mbedtls_x509write_csr_set_md_alg(writer.get(), MBEDTLS_MD_SHA256);
  mbedtls_x509write_csr_set_key(writer.get(), pair.get());
  int code = mbedtls_x509write_csr_set_subject_name(writer.get(), subject.c_str());
  std::array<unsigned char, x509::kPemBytes> pem{};
  if (code == 0) {
    code = mbedtls_x509write_csr_pem(writer.get(), pem.data(), pem.size(), fill_random, nullptr);
  }
  if (code != 0) return x509::invalid("the signing request cannot be written", code);
  return std::string(reinterpret_cast<const char*>(pem.data()));
}

}  // namespace culvert
