// The authority: its own certificate, and those that it signs.
#include "relay/base/address.h"
#include "relay/crypto/certificates.h"
#include "relay/crypto/random_bytes.h"
#include "relay/crypto/x509.h"

#include <fmt/format.h>
#include <mbedtls/oid.h>
#include <mbedtls/x509_csr.h>

#include <array>
#include <ctime>
#include <list>

namespace culvert {
namespace {

using Request = x509::Scoped<mbedtls_x509_csr, mbedtls_x509_csr_init, mbedtls_x509_csr_free>;
using CertificateWriter =
    x509::Scoped<mbedtls_x509write_cert, mbedtls_x509write_crt_init, mbedtls_x509write_crt_free>;

std::string time_text(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:04}{:02}{:02}{:02}{:02}{:02}", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
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
  bool client;
  const mbedtls_x509_san_list* hosts;
};

int write_usages(mbedtls_x509write_cert* writer, const Signing& in) {
  if (in.authority) {
    return mbedtls_x509write_crt_set_key_usage(
        writer, MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN);
  }
  const int code = mbedtls_x509write_crt_set_key_usage(writer, MBEDTLS_X509_KU_DIGITAL_SIGNATURE);
  if (code != 0) return code;
  static constexpr std::string_view kServer{MBEDTLS_OID_SERVER_AUTH,
                                            MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)};
  static constexpr std::string_view kClient{MBEDTLS_OID_CLIENT_AUTH,
                                            MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH)};
  // Without the extension a certificate is good for everything, so that one of neither use fails.
  std::array<std::string, 2> oids;
  std::array<mbedtls_asn1_sequence, 2> usages{};
  size_t count = 0;
  const auto add = [&](std::string_view oid) {
    oids[count] = oid;
    usages[count].buf.tag = MBEDTLS_ASN1_OID;
    usages[count].buf.p = reinterpret_cast<unsigned char*>(oids[count].data());
    usages[count].buf.len = oid.size();
    if (count > 0) usages[count - 1].next = &usages[count];
    ++count;
  };
  if (in.server) add(kServer);
  if (in.client) add(kClient);
  if (count == 0) return MBEDTLS_ERR_X509_BAD_INPUT_DATA;
  return mbedtls_x509write_crt_set_ext_key_usage(writer, usages.data());
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
  std::array<unsigned char, x509::kPemBytes> pem{};
  then(mbedtls_x509write_crt_pem(writer.get(), pem.data(), pem.size(), fill_random, nullptr));
  if (code != 0) return x509::invalid("the certificate cannot be written", code);
  return std::string(reinterpret_cast<const char*>(pem.data()));
}

std::string AlternativeNames::raw(const Address& address) {
  return {reinterpret_cast<const char*>(address.bytes().data()),
          address.is_v4() ? size_t{4} : size_t{16}};
}

}  // namespace

Result<Authority> make_authority(std::string_view name, WallTime from, WallTime until) {
  x509::Key key;
  x509::generate_key(key.get());
  const std::string subject = CULVERT_TRY(x509::subject_of(name));
  auto certificate = CULVERT_TRY(write_certificate({.subject_key = key.get(),
                                                    .issuer_key = key.get(),
                                                    .subject = subject,
                                                    .issuer = subject,
                                                    .from = from,
                                                    .until = until,
                                                    .authority = true,
                                                    .server = false,
                                                    .client = false,
                                                    .hosts = nullptr}));
  return Authority{std::move(certificate), x509::key_pem(key.get())};
}

Result<std::string> sign_request(const Authority& authority,
                                 std::string_view request,
                                 const CertificateTerms& terms) {
  x509::Certificate issuer;
  CULVERT_CHECK(x509::read_pem(authority.certificate, issuer.get()));
  x509::Key key;
  CULVERT_CHECK(x509::read_key(authority.key, key.get()));
  const std::string issuer_name = CULVERT_TRY(x509::subject_of(x509::common_name(issuer->subject)));
  const std::string subject = CULVERT_TRY(x509::subject_of(terms.name));

  Request asked;
  const std::string text(request);
  // Reading checks the form; that the key is the asker's shows below.
  if (const int code = mbedtls_x509_csr_parse(asked.get(), x509::bytes(text), text.size() + 1);
      code != 0) {
    return x509::invalid("the signing request cannot be read", code);
  }
  const mbedtls_md_info_t* digest = mbedtls_md_info_from_type(asked->MBEDTLS_PRIVATE(sig_md));
  std::array<unsigned char, MBEDTLS_MD_MAX_SIZE> hash{};
  if (digest == nullptr || mbedtls_md(digest, asked->cri.p, asked->cri.len, hash.data()) != 0 ||
      mbedtls_pk_verify_ext(asked->MBEDTLS_PRIVATE(sig_pk), asked->MBEDTLS_PRIVATE(sig_opts),
                            &asked->pk, asked->MBEDTLS_PRIVATE(sig_md), hash.data(),
                            mbedtls_md_get_size(digest), asked->MBEDTLS_PRIVATE(sig).p,
                            asked->MBEDTLS_PRIVATE(sig).len) != 0) {
    return x509::invalid("the signing request is not signed by the key that it names");
  }
  if (mbedtls_pk_can_do(&asked->pk, MBEDTLS_PK_ECKEY) == 0) {
    return x509::invalid("the signing request has a key of another kind; ECDSA P-256 is allowed");
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
                            .client = terms.client,
                            .hosts = hosts.list()});
}

}  // namespace culvert
