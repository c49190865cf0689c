// Times and numbers in the forms of the store and of the contract. Pure.
#pragma once

#include "relay/base/clock.h"

#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace culvert::control {

google::protobuf::Timestamp to_timestamp(WallTime time);
WallTime from_timestamp(const google::protobuf::Timestamp& timestamp);

// 20 digits: in the order of texts numbers then stand in their own.
std::string digits(uint64_t number);
uint64_t number_of(std::string_view twenty_digits);  // of their beginning
}  // namespace culvert::control
