// Keys, names and PEM; see x509.h.
#include "relay/crypto/x509.h"

#include "relay/crypto/random_bytes.h"

#include <fmt/format.h>
#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/oid.h>

#include <array>
#include <new>

namespace culvert::x509 {
namespace {

constexpr size_t kNameBytes = 64;  // RFC 5280, ub-common-name

}  // namespace

Error invalid(std::string detail) {
  return Error::ours(Code::kInvalidConfig, Stage::kNone, std::move(detail));
}

Error invalid(std::string_view what, int code) {
  std::array<char, 160> words{};
  mbedtls_strerror(code, words.data(), words.size());
  return invalid(fmt::format("{}: {}", what, words.data()));
}

const unsigned char* bytes(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.c_str());
}

Result<void> read_key(const Secret& pem, mbedtls_pk_context* key) {
  std::string text(pem.reveal());
  const int code =
      mbedtls_pk_parse_key(key, bytes(text), text.size() + 1, nullptr, 0, fill_random, nullptr);
  wipe(text.data(), text.size());
  if (code != 0) return invalid("the private key cannot be read", code);
  return {};
}

Result<void> read_pem(std::string_view pem, mbedtls_x509_crt* certificate) {
  const std::string text(pem);
  const int code = mbedtls_x509_crt_parse(certificate, bytes(text), text.size() + 1);
  if (code < 0) return invalid("the certificate cannot be read", code);
  if (code > 0) return invalid("one of the certificates cannot be read");
  return {};
}

void generate_key(mbedtls_pk_context* key) {
  int code = mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
  if (code == 0) {
    code = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key), fill_random, nullptr);
  }
  if (code != 0) throw std::bad_alloc();
}

Secret key_pem(mbedtls_pk_context* key) {
  std::array<unsigned char, 1024> pem{};
  const int code = mbedtls_pk_write_key_pem(key, pem.data(), pem.size());
  Secret text(code == 0 ? reinterpret_cast<const char*>(pem.data()) : "");
  wipe(pem.data(), pem.size());
  if (code != 0) throw std::bad_alloc();
  return text;
}

Result<std::string> subject_of(std::string_view name) {
  const bool sound = !name.empty() && name.size() <= kNameBytes &&
                     name.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789-_. ") == std::string_view::npos;
  if (sound) return "CN=" + std::string(name);
  return invalid(
      "the name cannot stand in a certificate: 1 to 64 letters, digits, spaces, '-', '_' and '.'");
}

std::string common_name(const mbedtls_x509_name& subject) {
  for (const mbedtls_x509_name* part = &subject; part != nullptr; part = part->next) {
    if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &part->oid) != 0) continue;
    return {reinterpret_cast<const char*>(part->val.p), part->val.len};
  }
  return {};
}

}  // namespace culvert::x509
