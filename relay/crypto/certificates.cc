// mbedTLS's X.509 writing and reading, each object freed by its scope.
#include "relay/crypto/certificates.h"

#include "relay/base/address.h"
#include "relay/crypto/digest.h"
#include "relay/crypto/random_bytes.h"

#include <fmt/format.h>
#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>

#include <array>
#include <ctime>
#include <list>
#include <new>

namespace culvert {
namespace {

constexpr size_t kPemBytes = 16 * 1024;  // more than any certificate of ours
constexpr size_t kNameBytes = 64;        // RFC 5280, ub-common-name

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

template <class T, void (*Init)(T*), void (*Free)(T*)>
class Scoped {
 public:
  Scoped() { Init(&value_); }
  Scoped(const Scoped&) = delete;
  Scoped& operator=(const Scoped&) = delete;
  ~Scoped() { Free(&value_); }
  T* get() { return &value_; }
  T* operator->() { return &value_; }

 private:
  T value_{};
};
using Key = Scoped<mbedtls_pk_context, mbedtls_pk_init, mbedtls_pk_free>;
using Certificate = Scoped<mbedtls_x509_crt, mbedtls_x509_crt_init, mbedtls_x509_crt_free>;
using Request = Scoped<mbedtls_x509_csr, mbedtls_x509_csr_init, mbedtls_x509_csr_free>;
using CertificateWriter =
    Scoped<mbedtls_x509write_cert, mbedtls_x509write_crt_init, mbedtls_x509write_crt_free>;
using RequestWriter =
    Scoped<mbedtls_x509write_csr, mbedtls_x509write_csr_init, mbedtls_x509write_csr_free>;

// PEM texts are read and written with their terminating zero.
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

// The name as a subject. What has a meaning there is not part of any name of ours.
Result<std::string> subject_of(std::string_view name) {
  const bool sound = !name.empty() && name.size() <= kNameBytes &&
                     name.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789-_. ") == std::string_view::npos;
  if (sound) return "CN=" + std::string(name);
  return invalid(
      "the name cannot stand in a certificate: 1 to 64 letters, digits, spaces, '-', '_' and '.'");
}

std::string time_text(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:04}{:02}{:02}{:02}{:02}{:02}", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

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

std::string common_name(const mbedtls_x509_name& subject) {
  for (const mbedtls_x509_name* part = &subject; part != nullptr; part = part->next) {
    if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &part->oid) != 0) continue;
    return {reinterpret_cast<const char*>(part->val.p), part->val.len};
  }
  return {};
}

void generate(mbedtls_pk_context* key) {
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

// The list that mbedTLS wants, and the texts that it points to.
class AlternativeNames {
 public:
  explicit AlternativeNames(const std::vector<std::string>& hosts) {
    for (const std::string& host : hosts) add(host);
  }
  const mbedtls_x509_san_list* list() const { return nodes_.empty() ? nullptr : &nodes_.front(); }

 private:
  void add(const std::string& host) {
    mbedtls_x509_san_list node{};
    const auto address = Address::parse(host);
    texts_.push_back(address ? raw(*address) : host);
    node.node.type = address ? MBEDTLS_X509_SAN_IP_ADDRESS : MBEDTLS_X509_SAN_DNS_NAME;
    node.node.san.unstructured_name.p = reinterpret_cast<unsigned char*>(texts_.back().data());
    node.node.san.unstructured_name.len = texts_.back().size();
    nodes_.push_back(node);
    if (nodes_.size() > 1) std::prev(nodes_.end(), 2)->next = &nodes_.back();
  }
  static std::string raw(const Address& address);

  std::list<std::string> texts_;
  std::list<mbedtls_x509_san_list> nodes_;
};

struct Signing {
  mbedtls_pk_context* subject_key;
  mbedtls_pk_context* issuer_key;
  std::string subject;
  std::string issuer;
  WallTime from;
  WallTime until;
  bool authority;
  bool server;
  const mbedtls_x509_san_list* hosts;
};

int write_usages(mbedtls_x509write_cert* writer, const Signing& in) {
  if (in.authority) {
    return mbedtls_x509write_crt_set_key_usage(
        writer, MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN);
  }
  const int code = mbedtls_x509write_crt_set_key_usage(writer, MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
  if (code != 0) return code;
  mbedtls_asn1_sequence usage{};
  static constexpr std::string_view kServer{MBEDTLS_OID_SERVER_AUTH,
                                            MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)};
  static constexpr std::string_view kClient{MBEDTLS_OID_CLIENT_AUTH,
                                            MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH)};
  std::string oid(in.server ? kServer : kClient);
  usage.buf.tag = MBEDTLS_ASN1_OID;
  usage.buf.p = reinterpret_cast<unsigned char*>(oid.data());
  usage.buf.len = oid.size();
  return mbedtls_x509write_crt_set_ext_key_usage(writer, &usage);
}

Result<std::string> write_certificate(const Signing& in) {
  CertificateWriter writer;
  mbedtls_x509write_crt_set_version(writer.get(), MBEDTLS_X509_CRT_VERSION_3);
  mbedtls_x509write_crt_set_md_alg(writer.get(), MBEDTLS_MD_SHA256);
  mbedtls_x509write_crt_set_subject_key(writer.get(), in.subject_key);
  mbedtls_x509write_crt_set_issuer_key(writer.get(), in.issuer_key);
  std::string serial = random_bytes(16);
  serial[0] = static_cast<char>((serial[0] & 0x3f) | 0x40);  // positive, and never shorter
  int code = mbedtls_x509write_crt_set_serial_raw(
      writer.get(), reinterpret_cast<unsigned char*>(serial.data()), serial.size());
  const auto then = [&code](int next) {
    if (code == 0) code = next;
  };
  then(mbedtls_x509write_crt_set_subject_name(writer.get(), in.subject.c_str()));
  then(mbedtls_x509write_crt_set_issuer_name(writer.get(), in.issuer.c_str()));
  then(mbedtls_x509write_crt_set_validity(writer.get(), time_text(in.from).c_str(),
                                          time_text(in.until).c_str()));
  then(mbedtls_x509write_crt_set_basic_constraints(writer.get(), in.authority ? 1 : 0,
                                                   in.authority ? 0 : -1));
  then(mbedtls_x509write_crt_set_subject_key_identifier(writer.get()));
  then(mbedtls_x509write_crt_set_authority_key_identifier(writer.get()));
  then(write_usages(writer.get(), in));
  if (in.hosts != nullptr) {
    then(mbedtls_x509write_crt_set_subject_alternative_name(writer.get(), in.hosts));
  }
  std::array<unsigned char, kPemBytes> pem{};
  then(mbedtls_x509write_crt_pem(writer.get(), pem.data(), pem.size(), fill_random, nullptr));
  if (code != 0) return invalid("the certificate cannot be written", code);
  return std::string(reinterpret_cast<const char*>(pem.data()));
}

std::string AlternativeNames::raw(const Address& address) {
  return {reinterpret_cast<const char*>(address.bytes().data()),
          address.is_v4() ? size_t{4} : size_t{16}};
}

}  // namespace

Secret make_private_key() {
  Key key;
  generate(key.get());
  return key_pem(key.get());
}

Result<std::string> make_signing_request(const Secret& key, std::string_view name) {
  Key pair;
  CULVERT_CHECK(read_key(key, pair.get()));
  const std::string subject = CULVERT_TRY(subject_of(name));
  RequestWriter writer;
  mbedtls_x509write_csr_set_md_alg(writer.get(), MBEDTLS_MD_SHA256);
  mbedtls_x509write_csr_set_key(writer.get(), pair.get());
  int code = mbedtls_x509write_csr_set_subject_name(writer.get(), subject.c_str());
  std::array<unsigned char, kPemBytes> pem{};
  if (code == 0) {
    code = mbedtls_x509write_csr_pem(writer.get(), pem.data(), pem.size(), fill_random, nullptr);
  }
  if (code != 0) return invalid("the signing request cannot be written", code);
  return std::string(reinterpret_cast<const char*>(pem.data()));
}

Result<Authority> make_authority(std::string_view name, WallTime from, WallTime until) {
  Key key;
  generate(key.get());
  const std::string subject = CULVERT_TRY(subject_of(name));
  auto certificate = CULVERT_TRY(write_certificate({.subject_key = key.get(),
                                                    .issuer_key = key.get(),
                                                    .subject = subject,
                                                    .issuer = subject,
                                                    .from = from,
                                                    .until = until,
                                                    .authority = true,
                                                    .server = false,
                                                    .hosts = nullptr}));
  return Authority{std::move(certificate), key_pem(key.get())};
}

Result<std::string> sign_request(const Authority& authority,
                                 std::string_view request,
                                 const CertificateTerms& terms) {
  Certificate issuer;
  CULVERT_CHECK(read_pem(authority.certificate, issuer.get()));
  Key key;
  CULVERT_CHECK(read_key(authority.key, key.get()));
  const std::string issuer_name = CULVERT_TRY(subject_of(common_name(issuer->subject)));
  const std::string subject = CULVERT_TRY(subject_of(terms.name));

  Request asked;
  const std::string text(request);
  // Reading checks the form; that the key is the asker's shows below.
  if (const int code = mbedtls_x509_csr_parse(asked.get(), bytes(text), text.size() + 1);
      code != 0) {
    return invalid("the signing request cannot be read", code);
  }
  const mbedtls_md_info_t* digest = mbedtls_md_info_from_type(asked->MBEDTLS_PRIVATE(sig_md));
  std::array<unsigned char, MBEDTLS_MD_MAX_SIZE> hash{};
  if (digest == nullptr || mbedtls_md(digest, asked->cri.p, asked->cri.len, hash.data()) != 0 ||
      mbedtls_pk_verify_ext(asked->MBEDTLS_PRIVATE(sig_pk), asked->MBEDTLS_PRIVATE(sig_opts),
                            &asked->pk, asked->MBEDTLS_PRIVATE(sig_md), hash.data(),
                            mbedtls_md_get_size(digest), asked->MBEDTLS_PRIVATE(sig).p,
                            asked->MBEDTLS_PRIVATE(sig).len) != 0) {
    return invalid("the signing request is not signed by the key that it names");
  }
  if (mbedtls_pk_can_do(&asked->pk, MBEDTLS_PK_ECKEY) == 0) {
    return invalid("the signing request has a key of another kind; ECDSA P-256 is allowed");
  }
  const AlternativeNames hosts(terms.hosts);
  return write_certificate({.subject_key = &asked->pk,
                            .issuer_key = key.get(),
                            .subject = subject,
                            .issuer = issuer_name,
                            .from = terms.from,
                            .until = terms.until,
                            .authority = false,
                            .server = terms.server,
                            .hosts = hosts.list()});
}

Result<CertificateInfo> read_certificate(std::string_view pem) {
  Certificate certificate;
  CULVERT_CHECK(read_pem(pem, certificate.get()));
  const Digest digest =
      sha256({reinterpret_cast<const char*>(certificate->raw.p), certificate->raw.len});
  return CertificateInfo{.name = common_name(certificate->subject),
                         .serial = hexadecimal(certificate->serial.p, certificate->serial.len),
                         .fingerprint = hexadecimal(digest.data(), digest.size()),
                         .from = time_of(certificate->valid_from),
                         .until = time_of(certificate->valid_to)};
}

Result<void> verify_certificate(std::string_view pem, std::string_view authority, WallTime now) {
  Certificate certificate;
  CULVERT_CHECK(read_pem(pem, certificate.get()));
  Certificate issuer;
  CULVERT_CHECK(read_pem(authority, issuer.get()));
  uint32_t flags = 0;
  // The library judges times by the machine's clock; they are judged below, by ours.
  const uint32_t times = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE;
  const int code = mbedtls_x509_crt_verify(certificate.get(), issuer.get(), nullptr, nullptr,
                                           &flags, nullptr, nullptr);
  if ((code != 0 && code != MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) || (flags & ~times) != 0) {
    return invalid("the certificate is not signed by the authority");
  }
  if (now < time_of(certificate->valid_from)) return invalid("the certificate is not valid yet");
  if (now > time_of(certificate->valid_to)) return invalid("the certificate has expired");
  return {};
}

bool keys_match(std::string_view certificate, const Secret& key) {
  Certificate parsed;
  Key pair;
  return read_pem(certificate, parsed.get()) && read_key(key, pair.get()) &&
         mbedtls_pk_check_pair(&parsed->pk, pair.get(), fill_random, nullptr) == 0;
}

}  // namespace culvert
