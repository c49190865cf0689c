// authority/{certificate,key} and server/{certificate,key,hosts}.
#include "control/config/identity.h"

#include "relay/base/log.h"
#include "relay/base/text.h"

#include <fmt/format.h>

namespace culvert::control {
namespace {

using namespace std::chrono_literals;

constexpr auto kBackdated = 1h;  // for callers whose clocks are behind
constexpr auto kAuthorityLife = 24h * 3653;
constexpr auto kServerLife = 24h * 820;  // 825 days are the most that some TLS clients take

Result<std::string> signed_by(const Authority& authority,
                              const Secret& key,
                              const std::vector<std::string>& hosts,
                              WallTime now) {
  const std::string request = CULVERT_TRY(make_signing_request(key, "culvert-control"));
  return sign_request(authority, request,
                      {.name = "culvert-control",
                       .hosts = hosts,
                       .from = now - kBackdated,
                       .until = now + kServerLife,
                       .server = true,
                       .client = false});
}

std::string joined(const std::vector<std::string>& hosts) {
  std::string list;
  for (const std::string& host : hosts) list += (list.empty() ? "" : ",") + host;
  return list;
}

Result<std::string> required(Store& store, const std::string& key) {
  auto entry = CULVERT_TRY(store.get(key));
  if (entry) return std::move(entry->value);
  return Error::ours(Code::kInvalidConfig, Stage::kNone,
                     fmt::format("the store has no {}: `culvert-control init` did not come to its "
                                 "end; remove the directory and run it again",
                                 key));
}

bool is_due(const CertificateInfo& info, WallTime now) {
  return now > info.until - (info.until - info.from) / 3;
}

Result<void> renew(Store& store, Identity* identity, WallTime now) {
  identity->key = make_private_key();
  identity->certificate =
      CULVERT_TRY(signed_by(identity->authority, identity->key, identity->hosts, now));
  CULVERT_CHECK(store.commit({}, {{"server/certificate", identity->certificate},
                                  {"server/key", std::string(identity->key.reveal())}}));
  log::info("the server's certificate was renewed", {{"hosts", joined(identity->hosts)}});
  return {};
}

}  // namespace

Result<NewIdentity> make_identity(const std::vector<std::string>& hosts, WallTime now) {
  Identity identity;
  identity.authority =
      CULVERT_TRY(make_authority("culvert authority", now - kBackdated, now + kAuthorityLife));
  identity.key = make_private_key();
  identity.certificate = CULVERT_TRY(signed_by(identity.authority, identity.key, hosts, now));
  identity.hosts = hosts;
  std::vector<Write> writes{
      {"authority/certificate", identity.authority.certificate},
      {"authority/key", std::string(identity.authority.key.reveal())},
      {"server/certificate", identity.certificate},
      {"server/key", std::string(identity.key.reveal())},
      {"server/hosts", joined(hosts)},
  };
  return NewIdentity{std::move(identity), std::move(writes)};
}

Result<Identity> load_identity(Store& store, WallTime now) {
  Identity identity;
  identity.authority.certificate = CULVERT_TRY(required(store, "authority/certificate"));
  identity.authority.key = Secret(CULVERT_TRY(required(store, "authority/key")));
  identity.certificate = CULVERT_TRY(required(store, "server/certificate"));
  identity.key = Secret(CULVERT_TRY(required(store, "server/key")));
  const std::string hosts = CULVERT_TRY(required(store, "server/hosts"));
  for (const std::string_view host : split_list(hosts)) identity.hosts.emplace_back(host);
  const CertificateInfo authority = CULVERT_TRY(read_certificate(identity.authority.certificate));
  if (now > authority.until) {
    return Error::ours(Code::kInvalidConfig, Stage::kNone,
                       "the authority's certificate expired on " + rfc3339(authority.until) +
                           ": a new service has to be made, and its relays joined again");
  }
  if (is_due(CULVERT_TRY(read_certificate(identity.certificate)), now)) {
    CULVERT_CHECK(renew(store, &identity, now));
  }
  return identity;
}

}  // namespace culvert::control
