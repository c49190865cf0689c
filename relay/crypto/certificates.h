// X.509 (RFC 5280) as PEM texts in and out: a key pair and a signing request (RFC 2986) for who
// enrols, an authority that signs them for the control service, and what a certificate says. All
// keys are ECDSA P-256. Safe on any thread; blocking.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/result.h"
#include "relay/base/secret.h"

#include <string>
#include <string_view>
#include <vector>

namespace culvert {

// A private key in PEM.
Secret make_private_key();

// `name`: the common name that is asked for. Errors: kInvalidConfig where the key cannot be read or
// the name cannot stand in a certificate.
Result<std::string> make_signing_request(const Secret& key, std::string_view name);

struct Authority {
  std::string certificate;  // PEM, signed by itself
  Secret key;
};
Result<Authority> make_authority(std::string_view name, WallTime from, WallTime until);

struct CertificateTerms {
  std::string name;                // the common name, whatever the request asked for
  std::vector<std::string> hosts;  // subject alternative names: DNS names and addresses
  WallTime from{};
  WallTime until{};
  bool server = false;  // it may be a TLS server's
  bool client = true;   // it may be a TLS client's; both: of relays, which are each other's servers
};
// Signs the request's key under the terms. The request has to be signed by that key (proof of
// possession). Errors are kInvalidConfig.
Result<std::string> sign_request(const Authority& authority,
                                 std::string_view request,
                                 const CertificateTerms& terms);

struct CertificateInfo {
  std::string name;         // the subject's common name
  std::string serial;       // lower-case hexadecimal
  std::string fingerprint;  // SHA-256 of the DER form, lower-case hexadecimal
  WallTime from{};
  WallTime until{};
  bool server = false;  // good for a TLS server's; those of relays that joined long ago are not
};
// Of the first certificate of a PEM text. Errors are kInvalidConfig.
Result<CertificateInfo> read_certificate(std::string_view pem);

// Whether `pem` was signed by the authority's certificate and is valid at `now`: the check of a
// relay over what it is given for renewal.
Result<void> verify_certificate(std::string_view pem, std::string_view authority, WallTime now);

// Whether the key is the certificate's.
bool keys_match(std::string_view certificate, const Secret& key);

}  // namespace culvert
