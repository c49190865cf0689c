// Makes a relay of whoever has a join token, and renews the certificates of relays. What it signs
// stands in the roster before it is handed out; what does not stand there is refused. Owned by
// main. Safe on any thread; blocking.
#pragma once

#include "control/config/audit_log.h"
#include "control/fleet/join_token.h"
#include "control/fleet/roster.h"
#include "control/fleet/throttle.h"
#include "culvert/v1/link.pb.h"
#include "relay/base/clock.h"
#include "relay/base/result.h"
#include "relay/crypto/certificates.h"

#include <set>
#include <string>
#include <vector>

namespace culvert::control {

// Who is at the other end of a stream, by its certificate and by nothing that it says.
struct Peer {
  std::string name;     // the certificate's common name
  std::string serial;   // of the certificate
  std::string address;  // without the port
};

class Enrolment {
 public:
  struct Parts {
    Store& store;
    Roster& roster;
    JoinTokens& tokens;
    AuditLog& audit;
    const Clock& clock;
  };
  // The authority signs relays' certificates; it outlives this. `own_hosts`: names that the service
  // is called by. No relay gets one of them, with which it could pass for the service.
  Enrolment(Parts parts, const Authority& authority, const std::vector<std::string>& own_hosts);

  // Errors, in words for who runs the relay: kRateLimited; kForbidden for a token that is wrong,
  // used, expired, or not for that name; kBadRequest. Each but the first is in the audit log.
  Result<v1::EnrollReply> enroll(const v1::EnrollRequest& request, const std::string& address);
  // Another certificate of the same name. Errors: kUnauthorized for a peer that the roster does not
  // accept; kInvalidConfig for a request that cannot be signed.
  Result<std::string> renew(const Peer& peer, const std::string& signing_request);

 private:
  Result<v1::EnrollReply> admit(const v1::EnrollRequest& request, const std::string& address);
  Result<std::string> choose_name(const v1::EnrollRequest& request,
                                  const v1::StoredJoinToken& token) const;
  // nullopt: somebody else changed one of both first.
  Result<std::optional<v1::EnrollReply>> join(const v1::EnrollRequest& request,
                                              const JoinTokens::Found& token,
                                              const std::string& name,
                                              const std::string& address);
  Result<void> check_name(const std::string& name) const;
  Result<bool> still_good(const Entry& entry) const;
  Result<std::string> sign(const std::string& request,
                           const std::string& name,
                           v1::StoredCertificate* record) const;
  void note(const std::string& name, const std::string& address, const std::string& refusal);

  Parts parts_;
  const Authority& authority_;
  std::set<std::string, std::less<>> own_hosts_;  // in lower case
  Throttle throttle_;
};

// Whether it can be the name of a relay or of a region: a DNS label's letters, digits and hyphens,
// in lower case. So a relay's certificate can name it as TLS names a server.
bool is_name(std::string_view text);

}  // namespace culvert::control
