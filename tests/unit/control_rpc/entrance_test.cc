// Callers' addresses as gRPC writes them, and the roles as admin.proto says them.
#include "control/rpc/entrance.h"

#include <gtest/gtest.h>

namespace culvert::control {
namespace {

TEST(Entrance, ReadsAddresses) {
  EXPECT_EQ(address_of("ipv4:192.0.2.1:50000"), "192.0.2.1");
  EXPECT_EQ(address_of("ipv6:[2001:db8::1]:50000"), "2001:db8::1");
  EXPECT_EQ(address_of("ipv6:%5B::1%5D:50000"), "::1");
  EXPECT_EQ(address_of("odd"), "odd");
}

TEST(Entrance, ViewersReadOperatorsChangeAdminsDealInTokens) {
  for (const Call call : {Call::kGet, Call::kHistory, Call::kDiff, Call::kUsage, Call::kAudit}) {
    EXPECT_EQ(role_for(call), v1::ROLE_VIEWER) << to_string(call);
  }
  for (const Call call : {Call::kApply, Call::kRollback, Call::kSetKey, Call::kDrainRelay}) {
    EXPECT_EQ(role_for(call), v1::ROLE_OPERATOR) << to_string(call);
  }
  for (const Call call : {Call::kCreateToken, Call::kRevokeToken, Call::kBackup, Call::kRestore,
                          Call::kRemoveRelay, Call::kCreateJoinToken}) {
    EXPECT_EQ(role_for(call), v1::ROLE_ADMIN) << to_string(call);
  }
}

}  // namespace
}  // namespace culvert::control
