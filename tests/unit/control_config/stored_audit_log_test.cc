// The audit log: order, bound, and that reading goes on where it stopped.
#include "control/config/stored_audit_log.h"

#include "tests/unit/control_config/config_fixture.h"

#include <thread>

namespace culvert::control {
namespace {

using AuditLogTest = ConfigTest;

v1::AuditEntry entry(const std::string& subject) {
  v1::AuditEntry made;
  made.set_subject(subject);
  return made;
}

TEST_F(AuditLogTest, KeepsTheNewestInTheirOrder) {
  StoredAuditLog log(*store_, clock_, 5);
  for (int i = 1; i <= 8; ++i) ASSERT_TRUE(log.append(entry(std::to_string(i))));
  const auto all = log.newest(100);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->entries.size(), 5u);
  EXPECT_EQ(all->entries.front().subject(), "4");
  EXPECT_EQ(all->entries.back().subject(), "8");
  EXPECT_TRUE(all->entries.back().has_time());
  EXPECT_EQ(log.newest(2)->entries.front().subject(), "7");
  // Who reads on from what was dropped meanwhile gets what is left, once.
  const auto on = log.from(2, 100);
  EXPECT_EQ(on->entries.size(), 5u);
  EXPECT_EQ(on->next, 9u);
  EXPECT_TRUE(log.from(on->next, 100)->entries.empty());
}

TEST_F(AuditLogTest, LosesNothingWhereSeveralWrite) {
  StoredAuditLog one(*store_, clock_);
  StoredAuditLog two(*store_, clock_);
  std::thread other([&] {
    for (int i = 0; i < 30; ++i) EXPECT_TRUE(two.append(entry("b")));
  });
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(one.append(entry("a")));
  other.join();
  EXPECT_EQ(one.newest(100)->entries.size(), 60u);
}

}  // namespace
}  // namespace culvert::control
