// Who this relay is to its control service: the folder `identity` of its state folder, made by
// `culvert-relay join`. key.pem, cert.pem (renewed over the link), ca.pem, seal.key (of the
// last-known-good slots) and relay.yaml (name, region, labels, addresses). All 0600 in 0700.
#pragma once

#include "relay/base/result.h"
#include "relay/base/secret.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace culvert {

struct Identity {
  std::string name;
  std::string region;
  std::map<std::string, std::string> labels;
  std::vector<std::string> addresses;  // of the service, HOST:PORT
  Secret key;                          // PEM
  std::string certificate;             // PEM
  std::string authority;               // PEM
  Secret seal_key;                     // kSealKeyBytes
};

// nullopt: this relay has not joined. Errors are kInvalidConfig: a folder that is there and cannot
// be used, with what to do.
Result<std::optional<Identity>> read_identity(const std::string& state_dir);

// All or nothing: a folder beside it takes its name. What is there is an error, unless `replace`.
Result<void> write_identity(const std::string& state_dir, const Identity& identity, bool replace);

// The renewed certificate alone; the key stays.
Result<void> write_certificate(const std::string& state_dir, const std::string& certificate);

std::string identity_folder(const std::string& state_dir);
std::string kept_folder(const std::string& state_dir);  // of the last-known-good slots

}  // namespace culvert
