// Rates and totals from what relays report, over restarts of their processes.
#include "control/fleet/meter.h"

#include <gtest/gtest.h>

namespace culvert::control {
namespace {

v1::MetricsReport report(int64_t second, uint64_t requests, const std::string& instance = "one") {
  v1::MetricsReport made;
  made.mutable_time()->set_seconds(second);
  made.set_requests(requests);
  made.set_errors(requests / 10);
  made.set_output_tokens(requests * 100);
  made.set_cpu_seconds(static_cast<double>(requests) / 100);
  made.set_connections(5);
  made.set_instance(instance);
  v1::UpstreamCounters* upstream = made.add_upstreams();
  upstream->set_upstream("openai");
  upstream->set_requests(requests);
  return made;
}

v1::Buckets buckets(const std::vector<uint64_t>& counts) {
  v1::Buckets made;
  for (const double bound : {0.1, 0.2, 0.4}) made.add_bounds(bound);
  for (const uint64_t count : counts) made.add_counts(count);
  return made;
}

TEST(Meter, GivesRatesOverItsLastReports) {
  Meter meter;
  EXPECT_FALSE(meter.rates());
  meter.add(report(100, 1000));
  ASSERT_TRUE(meter.rates());
  EXPECT_EQ(meter.rates()->connections(), 5U);
  EXPECT_EQ(meter.rates()->requests_per_second(), 0);
  meter.add(report(110, 1200));
  EXPECT_DOUBLE_EQ(meter.rates()->requests_per_second(), 20);
  EXPECT_DOUBLE_EQ(meter.rates()->errors_per_second(), 2);
  EXPECT_DOUBLE_EQ(meter.rates()->tokens_per_second(), 2000);
  EXPECT_DOUBLE_EQ(meter.rates()->cpu_share(), 0.2);
  // Old reports leave: a relay that stands still shows it.
  for (int second = 120; second < 170; second += 10) meter.add(report(second, 1200));
  EXPECT_EQ(meter.rates()->requests_per_second(), 0);
}

TEST(Meter, CountsOnOverARestartOfTheRelay) {
  Meter meter;
  meter.add(report(100, 1000));
  const auto added = meter.add(report(110, 1100));
  EXPECT_EQ(added.all.requests, 100U);
  EXPECT_EQ(added.upstreams.at("openai").requests, 100U);
  // Another process that has counted more already: only its name tells.
  EXPECT_EQ(meter.add(report(120, 1500, "two")).all.requests, 1500U);
  EXPECT_EQ(meter.totals().requests, 2600U);
  EXPECT_EQ(meter.rates()->requests_per_second(), 0);
  // An older relay that does not tell its instance is known by a lower counter.
  EXPECT_EQ(meter.add(report(130, 7, "two")).all.requests, 7U);
  EXPECT_EQ(meter.totals().requests, 2607U);
}

TEST(Meter, ReadsQuantilesBetweenReports) {
  const auto from = buckets({5, 0, 0, 0});
  const auto to = buckets({15, 10, 0, 0});
  EXPECT_NEAR(*quantile(from, to, 0.5), 0.1, 1e-9);
  EXPECT_NEAR(*quantile(from, to, 0.75), 0.15, 1e-9);
  EXPECT_NEAR(*quantile(from, to, 0.95), 0.19, 1e-9);
  EXPECT_NEAR(*quantile(v1::Buckets(), buckets({0, 0, 0, 4}), 0.5), 0.4, 1e-9);
}

TEST(Meter, HasNoQuantilesOfNothing) {
  EXPECT_FALSE(quantile(buckets({1, 2, 3, 4}), buckets({1, 2, 3, 4}), 0.5));
  EXPECT_FALSE(quantile(v1::Buckets(), v1::Buckets(), 0.5));
  EXPECT_FALSE(quantile(buckets({1, 2, 3, 4}), buckets({0, 2, 3, 9}), 0.5));
  EXPECT_FALSE(quantile(v1::Buckets(), buckets({1, 2}), 0.5)) << "counts that do not fit bounds";
}

}  // namespace
}  // namespace culvert::control
