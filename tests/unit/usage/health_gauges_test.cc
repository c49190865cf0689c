// Which samples there are of what is known.
#include "relay/usage/metrics.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

bool has(const std::string& text, const std::string& line) {
  return text.find('\n' + line + '\n') != std::string::npos;
}

TargetGauge target() {
  TargetGauge gauge;
  gauge.upstream = "u";
  gauge.target = "https://t.test";
  gauge.breaker = "open";
  return gauge;
}

TEST(HealthGauges, ATargetThatWasNotCheckedHasABreakerOnly) {
  HealthGauges gauges;
  gauges.targets = {target()};
  const std::string text = Metrics("1").text(gauges);
  const std::string labels = R"({upstream="u",target="https://t.test",state=)";
  EXPECT_TRUE(has(text, "culvert_upstream_breaker_state" + labels + "\"open\"} 1"));
  EXPECT_TRUE(has(text, "culvert_upstream_breaker_state" + labels + "\"closed\"} 0"));
  for (const char* name : {"target_up", "check_", "certificate"}) {
    EXPECT_EQ(text.find(std::string("culvert_upstream_") + name), std::string::npos) << name;
  }
}

TEST(HealthGauges, WhatACheckFoundIsTold) {
  HealthGauges gauges;
  TargetGauge checked = target();
  checked.checked = checked.up = true;
  checked.tls_seconds = 0.25;
  checked.well = 7;
  checked.certificate_expires_at = 1'800'000'000;
  gauges.targets = {checked};
  const std::string text = Metrics("1").text(gauges);
  const std::string labels = R"({upstream="u",target="https://t.test")";
  EXPECT_TRUE(has(text, "# TYPE culvert_upstream_checks_total counter"));
  EXPECT_TRUE(has(text, "culvert_upstream_target_up" + labels + "} 1"));
  EXPECT_TRUE(has(text, "culvert_upstream_check_seconds" + labels + ",leg=\"tls\"} 0.25"));
  EXPECT_TRUE(has(text, "culvert_upstream_checks_total" + labels + ",result=\"good\"} 7"));
  EXPECT_TRUE(has(text, "culvert_upstream_certificate_expiry_timestamp_seconds" + labels +
                            "} 1800000000"));
}

TEST(HealthGauges, PoolsAndKeys) {
  HealthGauges gauges;
  gauges.keys = {{"u", "sk-1…aaaa", "isolated"}, {"u", "sk-2…bbbb", "ready"}};
  gauges.pools = {{"p", "u", 2, 1}};
  const std::string text = Metrics("1").text(gauges);
  EXPECT_TRUE(has(text, R"(culvert_pool_keys{pool="p",upstream="u"} 2)"));
  EXPECT_TRUE(has(text, R"(culvert_pool_keys_left{pool="p",upstream="u"} 1)"));
  EXPECT_TRUE(has(text, R"(culvert_upstream_keys{upstream="u",state="ready"} 1)"));
}

}  // namespace
}  // namespace culvert
