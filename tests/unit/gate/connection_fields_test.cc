// What `Connection` names belongs to one connection.
#include "relay/gate/connection_fields.h"

#include "tests/unit/gate/asked.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(ConnectionFields, NamesOfAllConnectionFieldsInAnyCase) {
  const ConnectionFields named(gate_test::headers({{"Connection", "close, X-One"},
                                                   {"connection", " x-TWO ,,keep-alive"},
                                                   {"X-Three", "x-four"}}));
  EXPECT_TRUE(named.contains("x-one"));
  EXPECT_TRUE(named.contains("X-Two"));
  EXPECT_TRUE(named.contains("close"));
  EXPECT_FALSE(named.contains("x-three"));
  EXPECT_FALSE(named.contains("x-four"));
  EXPECT_FALSE(named.contains(""));
}

}  // namespace
}  // namespace culvert
