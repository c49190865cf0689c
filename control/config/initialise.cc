// Everything that rests in the store is one transaction: an init that was killed left no half of a
// service.
#include "control/config/initialise.h"

#include "control/config/contents.h"
#include "control/config/token_text.h"
#include "control/store/files.h"
#include "control/store/sealed_store.h"
#include "control/store/sqlite_store.h"
#include "relay/base/address.h"

#include <memory>

namespace culvert::control {
namespace {

Result<void> check_hosts(const std::vector<std::string>& hosts) {
  for (const std::string& host : hosts) {
    if (Address::parse(host)) continue;
    const auto pattern = HostPattern::parse(host);
    if (!pattern) {
      return Error::ours(Code::kInvalidConfig, Stage::kNone, "--name " + pattern.error().detail);
    }
  }
  return {};
}

}  // namespace

Result<Initialised> initialise(const std::string& directory,
                               const std::vector<std::string>& hosts,
                               const Clock& clock) {
  CULVERT_CHECK(check_hosts(hosts));
  const DataDirectory data = CULVERT_TRY(DataDirectory::make(directory));
  MasterKeys keys = MasterKeys::make();
  CULVERT_CHECK(keys.save(data.master_key()));
  SealedStore store(CULVERT_TRY(SqliteStore::open(data.store())), std::move(keys));

  NewIdentity made = CULVERT_TRY(make_identity(hosts, clock.wall()));
  v1::CreateTokenRequest first;
  first.set_name("admin");
  first.set_operator_role(v1::ROLE_ADMIN);
  const NewToken token = CULVERT_TRY(make_token(first, "init", clock.wall()));
  made.writes.push_back(
      {kTokenPrefix + token.stored.token().id(), token.stored.SerializeAsString()});
  CULVERT_CHECK(replace_file(data.authority(), made.identity.authority.certificate, 0644));
  CULVERT_CHECK(store.commit({}, made.writes));
  const CertificateInfo authority =
      CULVERT_TRY(read_certificate(made.identity.authority.certificate));
  return Initialised{token.text, authority.fingerprint};
}

}  // namespace culvert::control
