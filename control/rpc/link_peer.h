// Who calls: by the certificate of the connection, and by nothing that the caller says.
#pragma once

#include "control/fleet/enrolment.h"

#include <grpcpp/server_context.h>

#include <string>

namespace culvert::control {

// Errors: kUnauthorized where there is no certificate, or it is not the authority's. Whether the
// relay belongs to the fleet is the roster's to say.
Result<Peer> link_peer(const grpc::ServerContext& context,
                       const std::string& authority,
                       const Clock& clock);

// The caller's address without its port.
std::string address_of(const grpc::ServerContext& context);

}  // namespace culvert::control
