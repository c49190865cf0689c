// Tables: what libcurl numbers, in a sentence.
#include "relay/upstream/fetch_errors.h"

#include <fmt/format.h>
#include <openssl/x509_vfy.h>

#include <string>

namespace culvert {
namespace {

Error connect_error(std::string detail) {
  return Error::upstream(Code::kConnectFailed, Stage::kConnect, Retry::kOtherUpstream,
                         std::move(detail));
}

// Not the upstream's fault, and no other try by this proxy would end otherwise.
Error credentials_refused() {
  return Error::ours(Code::kConnectFailed, Stage::kConnect,
                     "the egress proxy refused the credentials that are configured for it");
}

Error tls_error(std::string detail, Retry retry = Retry::kOtherUpstream) {
  return Error::upstream(Code::kTlsFailed, Stage::kTls, retry, std::move(detail));
}

std::string certificate_fault(long verdict) {
  switch (verdict) {
    case X509_V_OK:
    case X509_V_ERR_UNSPECIFIED:  // libcurl's verdict until it has looked at the name, too
      return "it names another host";
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "it has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "it is not valid yet";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "nobody who is trusted has issued it";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "it names another host";
    default:
      return fmt::format("OpenSSL's verdict {}", verdict);
  }
}

long info_of(CURL* easy, CURLINFO what) {
  long value = 0;
  curl_easy_getinfo(easy, what, &value);
  return value;
}

Error socks_error(long code) {
  switch (code) {
    case CURLPX_USER_REJECTED:
    case CURLPX_NO_AUTH:
      return credentials_refused();
    case CURLPX_REPLY_NOT_ALLOWED:
      return connect_error("the egress proxy does not allow this connection");
    case CURLPX_REPLY_HOST_UNREACHABLE:
    case CURLPX_REPLY_NETWORK_UNREACHABLE:
    case CURLPX_REPLY_CONNECTION_REFUSED:
    case CURLPX_REPLY_TTL_EXPIRED:
      return connect_error("the egress proxy could not reach the upstream");
    default:
      return connect_error(fmt::format("the egress proxy failed (libcurl's reason {})", code));
  }
}

bool is_certificate(CURLcode code) { return code == CURLE_PEER_FAILED_VERIFICATION; }

bool is_tls(CURLcode code) {
  switch (code) {
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_ENGINE_INITFAILED:
      return true;
    default:
      return is_certificate(code);
  }
}

Error tls_failure(CURL* easy, CURLcode code, bool by_proxy) {
  if (!is_certificate(code)) return tls_error("the TLS handshake failed");
  // libcurl starts each verdict anew; the proxy's was first.
  const long proxys = by_proxy ? info_of(easy, CURLINFO_PROXY_SSL_VERIFYRESULT) : 0;
  if (proxys != X509_V_OK) {
    return connect_error("the egress proxy's certificate was refused: " +
                         certificate_fault(proxys));
  }
  return tls_error("the certificate was refused: " +
                       certificate_fault(info_of(easy, CURLINFO_SSL_VERIFYRESULT)),
                   Retry::kNever);
}

}  // namespace

Error fetch_setup_error(CURL* easy, CURLcode code, bool by_proxy) {
  if (code == CURLE_OUT_OF_MEMORY) {
    return Error::ours(Code::kOutOfMemory, Stage::kConnect, "out of memory");
  }
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return Error::upstream(Code::kConnectTimeout, Stage::kTls, Retry::kOtherUpstream,
                           "the TLS handshake took too long");
  }
  if (is_tls(code)) return tls_failure(easy, code, by_proxy);
  if (by_proxy) {
    if (code == CURLE_PROXY) return socks_error(info_of(easy, CURLINFO_PROXY_ERROR));
    const long status = info_of(easy, CURLINFO_HTTP_CONNECTCODE);
    if (status == 407 || status == 401) return credentials_refused();  // 401 is tinyproxy's word
    if (status >= 300) {
      return connect_error(fmt::format("the egress proxy answered {} to CONNECT", status));
    }
    if (status == 0) return connect_error("the connection to the egress proxy broke");
  }
  return tls_error("the connection broke before the request could be sent");
}

Error fetch_exchange_error(CURLcode code, bool answered) {
  const auto closed = [](const char* detail) {
    return Error::upstream(Code::kUpstreamClosed, Stage::kNone, Retry::kNever, detail);
  };
  switch (code) {
    case CURLE_OUT_OF_MEMORY:
      return Error::ours(Code::kOutOfMemory, Stage::kNone, "out of memory");
    case CURLE_GOT_NOTHING:
      return closed("the upstream closed without an answer");
    case CURLE_PARTIAL_FILE:
      return closed(answered ? "the upstream closed before its answer was whole"
                             : "the upstream closed without an answer");
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return closed("the upstream broke off the HTTP/2 stream");
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Error::upstream(Code::kBadAnswer, Stage::kNone, Retry::kNever,
                             "the upstream's answer cannot be read");
    default:
      return closed("the connection to the upstream broke");
  }
}

}  // namespace culvert
