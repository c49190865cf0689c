// How often an address may try what needs no certificate: a bucket of tries for each, filled again
// with time. Safe on any thread.
#pragma once

#include "relay/base/clock.h"

#include <map>
#include <mutex>
#include <string>

namespace culvert::control {

class Throttle {
 public:
  struct Terms {
    double burst;
    double per_second;
    size_t addresses;  // remembered; where there are more, those that tried least go first
  };
  Throttle(const Clock& clock, Terms terms) : clock_(clock), terms_(terms) {}

  // Takes one try; false where none is left.
  bool take(const std::string& address);

 private:
  struct Bucket {
    double left = 0;
    Instant at{};
  };
  void make_room(Instant now);
  double filled(const Bucket& bucket, Instant now) const;

  const Clock& clock_;
  Terms terms_;
  std::mutex mutex_;
  std::map<std::string, Bucket> buckets_;
};

}  // namespace culvert::control
