// What a relay's state says of a revision, and how it is told.
#include "control/cli/rollout.h"

#include <gtest/gtest.h>

namespace culvert::cli {
namespace {

using What = RelayOutcome::What;

v1::RelayStatus relay(const std::string& running, uint64_t revision, bool refuses = false) {
  v1::RelayStatus out;
  out.set_name("eu-1");
  out.set_connected(true);
  out.set_desired_hash("new");
  out.set_running_hash(running);
  out.set_running_revision(revision);
  if (refuses) {
    out.add_refusals()->set_kind("Route");
    out.mutable_refusals(0)->set_name("y");
    out.mutable_refusals(0)->set_message("taken");
  }
  return out;
}

TEST(Outcome, IsOfTheRevisionThatIsAwaited) {
  EXPECT_EQ(outcome_of(relay("new", 4), 4).what, What::kRuns);
  EXPECT_EQ(outcome_of(relay("old", 3), 4).what, What::kSilent);
  EXPECT_EQ(outcome_of(relay("part", 4, true), 4).what, What::kRefused);
  // A refusal of an earlier revision says nothing of this one.
  EXPECT_EQ(outcome_of(relay("old", 3, true), 4).what, What::kSilent);
  v1::RelayStatus away = relay("old", 3);
  away.set_connected(false);
  EXPECT_EQ(outcome_of(away, 4).what, What::kAway);
}

TEST(Outcome, IsToldInWords) {
  std::vector<RelayOutcome> outcomes = {outcome_of(relay("new", 4), 4),
                                        outcome_of(relay("part", 4, true), 4),
                                        outcome_of(relay("old", 3), 4)};
  EXPECT_TRUE(any_refused(outcomes));
  EXPECT_EQ(in_words(outcomes, 4, false),
            "1 relay runs revision 4\n"
            "1 relay has not said so yet: eu-1\n"
            "refused by relay eu-1: Route y: taken\n");
  EXPECT_EQ(in_words({}, 4, false), "");
  EXPECT_FALSE(any_refused({}));
}

}  // namespace
}  // namespace culvert::cli
