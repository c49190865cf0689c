// All secrets of a message, wherever they stand in it: who masks, follows or keeps secrets misses
// none that is added later. Pure.
#pragma once

#include "culvert/v1/resources.pb.h"

#include <functional>
#include <string>

namespace culvert {

// `field`: the path without indices, the same for all elements of a list (`keys`); `path`: with
// them (`keys[0]`), as Places knows it.
using SecretVisitor =
    std::function<void(const std::string& field, const std::string& path, v1::Secret* secret)>;

void each_secret(google::protobuf::Message* message, const SecretVisitor& visit);

}  // namespace culvert
