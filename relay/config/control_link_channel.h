// gRPC channels to the control service: how it is proven, and how a relay proves itself. Included
// by control_link* only.
#pragma once

#include "relay/base/clock.h"
#include "relay/base/result.h"
#include "relay/config/identity.h"

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

namespace culvert {

// Not connected yet. The service has to show a certificate of the authority for the host of the
// address. identity: null for a relay that has none yet.
std::shared_ptr<grpc::Channel> control_channel(const std::string& address,
                                               const std::string& authority,
                                               const Identity* identity);

// The certificate with this fingerprint (SHA-256 of its DER form, in lower-case hexadecimal) among
// those that the service shows, in PEM. Nothing but the handshake takes place: it is refused at its
// end, whatever it shows, so that nothing can be sent over a connection that is not proven.
Result<std::string> fetch_authority(const std::string& address,
                                    const std::string& fingerprint,
                                    const Clock& clock);

// One line for people: the code's word and what gRPC says of it.
std::string words(const grpc::Status& status);

}  // namespace culvert
