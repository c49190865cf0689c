// What is remembered of checks.
#include "relay/upstream/check_record.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

CheckFinding found(bool well, int64_t certificate = 0) {
  CheckFinding made;
  made.well = well;
  made.legs.certificate_expires_at = certificate;
  return made;
}

TEST(CheckRecord, CountsAndKeepsTheLast) {
  CheckRecord record;
  EXPECT_FALSE(record.report().last);
  record.note(found(true));
  record.note(found(false));
  record.note(found(false));
  EXPECT_EQ(record.report().well, 1U);
  EXPECT_EQ(record.report().ill, 2U);
  EXPECT_EQ(record.report().ill_in_row, 2U);
  EXPECT_FALSE(record.report().last->well);
  record.note(found(true));
  EXPECT_EQ(record.report().ill_in_row, 0U);
}

TEST(CheckRecord, RemembersACertificateOverChecksThatSawNone) {
  CheckRecord record;
  record.note(found(true, 1'800'000'000));
  record.note(found(false));
  EXPECT_EQ(record.report().certificate_expires_at, 1'800'000'000);
  record.note(found(true, 1'900'000'000));
  EXPECT_EQ(record.report().certificate_expires_at, 1'900'000'000);
}

}  // namespace
}  // namespace culvert
