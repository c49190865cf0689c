// Who makes a call of the admin service, for the role check and the audit log.
#pragma once

#include "culvert/v1/admin.pb.h"

#include <string>

namespace culvert::control {

struct Caller {
  std::string name;     // of the operator's token
  std::string address;  // without the port
  v1::Role role = v1::ROLE_VIEWER;
};

}  // namespace culvert::control
