// relay.yaml is a Relay document like any other, so that it is read by what reads those.
#include "relay/config/identity.h"

#include "proto/yaml.h"
#include "relay/base/limits.h"
#include "relay/config/durable_file.h"
#include "relay/config/file.h"
#include "relay/crypto/certificates.h"
#include "relay/crypto/seal.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace culvert {
namespace {

namespace fs = std::filesystem;

Error unusable(const std::string& folder, std::string_view why) {
  return Error::ours(Code::kInvalidConfig, Stage::kNone,
                     fmt::format("{}: {}; `culvert-relay join --force` makes a new identity",
                                 folder, why));
}

Result<Secret> read_private(const std::string& path) {
  FileText file = CULVERT_TRY(read_file(path, limits::kSecretBytes));
  Secret secret(file.text);
  wipe(file.text.data(), file.text.size());
  return secret;
}

Result<std::string> read_text(const std::string& path) {
  FileText file = CULVERT_TRY(read_file(path, limits::kSecretBytes));
  return std::move(file.text);
}

std::string document_of(const Identity& identity) {
  v1::Relay relay;
  relay.set_region(identity.region);
  relay.mutable_labels()->insert(identity.labels.begin(), identity.labels.end());
  for (const std::string& address : identity.addresses) {
    relay.mutable_control()->add_addresses(address);
  }
  return to_yaml("Relay", identity.name, relay);
}

Result<void> read_document(const std::string& path, Identity* into) {
  const std::string text = CULVERT_TRY(read_text(path));
  const Resources resources = CULVERT_TRY(parse_resources(path, text));
  into->name = resources.relay_name;
  into->region = resources.relay.region();
  into->labels = {resources.relay.labels().begin(), resources.relay.labels().end()};
  const auto& addresses = resources.relay.control().addresses();
  into->addresses.assign(addresses.begin(), addresses.end());
  return {};
}

Result<Identity> read_all(const std::string& folder) {
  Identity identity;
  CULVERT_CHECK(read_document(folder + "/relay.yaml", &identity));
  identity.key = CULVERT_TRY(read_private(folder + "/key.pem"));
  identity.certificate = CULVERT_TRY(read_text(folder + "/cert.pem"));
  identity.authority = CULVERT_TRY(read_text(folder + "/ca.pem"));
  identity.seal_key = CULVERT_TRY(read_private(folder + "/seal.key"));
  return identity;
}

Result<void> write_all(const std::string& folder, const Identity& identity) {
  CULVERT_CHECK(write_durably(folder + "/key.pem", identity.key.reveal()));
  CULVERT_CHECK(write_durably(folder + "/cert.pem", identity.certificate));
  CULVERT_CHECK(write_durably(folder + "/ca.pem", identity.authority));
  CULVERT_CHECK(write_durably(folder + "/seal.key", identity.seal_key.reveal()));
  return write_durably(folder + "/relay.yaml", document_of(identity));
}

Result<void> rename_folder(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) == 0) return {};
  return Error::ours(Code::kSystem, Stage::kNone,
                     fmt::format("{} cannot be renamed to {}: {}", from, to, std::strerror(errno)));
}

}  // namespace

std::string identity_folder(const std::string& state_dir) { return state_dir + "/identity"; }
std::string kept_folder(const std::string& state_dir) { return state_dir + "/kept"; }

Result<std::optional<Identity>> read_identity(const std::string& state_dir) {
  const std::string folder = identity_folder(state_dir);
  std::error_code code;
  if (!fs::exists(folder, code)) return std::optional<Identity>();
  auto identity = read_all(folder);
  if (!identity) return unusable(folder, identity.error().detail);
  if (identity->seal_key.reveal().size() != kSealKeyBytes) {
    return unusable(folder, "seal.key has not 32 bytes");
  }
  if (!keys_match(identity->certificate, identity->key)) {
    return unusable(folder, "key.pem is not the key of cert.pem");
  }
  if (auto authority = read_certificate(identity->authority); !authority) {
    return unusable(folder, "ca.pem: " + authority.error().detail);
  }
  return std::optional<Identity>(std::move(identity).value());
}

Result<void> write_identity(const std::string& state_dir, const Identity& identity, bool replace) {
  const std::string folder = identity_folder(state_dir);
  const std::string fresh = folder + ".new";
  const std::string old = folder + ".old";
  std::error_code code;
  if (fs::exists(folder, code) && !replace) {
    return Error::ours(Code::kInvalidConfig, Stage::kNone,
                       fmt::format("{} is there: this relay has joined already; --force replaces "
                                   "its identity",
                                   folder));
  }
  CULVERT_CHECK(make_private_folder(state_dir));
  fs::remove_all(fresh, code);
  fs::remove_all(old, code);
  CULVERT_CHECK(make_private_folder(fresh));
  CULVERT_CHECK(write_all(fresh, identity));
  if (fs::exists(folder, code)) CULVERT_CHECK(rename_folder(folder, old));
  CULVERT_CHECK(rename_folder(fresh, folder));
  fs::remove_all(old, code);
  return sync_folder(state_dir);
}

Result<void> write_certificate(const std::string& state_dir, const std::string& certificate) {
  return write_durably(identity_folder(state_dir) + "/cert.pem", certificate);
}

}  // namespace culvert
