// The bounds of the fleet and of its link, each with the reason for its value. What a relay may
// make the service hold is bounded here: a relay is trusted with its own configuration only.
#pragma once

#include <chrono>
#include <cstddef>

namespace culvert::control::limits {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

// --- The fleet
inline constexpr size_t kRelays = 1000;      // each holds up to four threads while it is connected
inline constexpr size_t kJoinTokens = 1000;  // not used yet
inline constexpr size_t kNameBytes = 63;     // of a relay or a region: a DNS label's
inline constexpr size_t kLabels = 32;
inline constexpr size_t kLabelBytes = 63;
inline constexpr size_t kCertificates = 8;  // of one relay that are good at once; two are usual
inline constexpr auto kCertificateLife = 24h;
inline constexpr auto kClockSkew = 5min;  // certificates are good from so long ago
inline constexpr auto kJoinTtl = 1h;
inline constexpr auto kJoinTtlLeast = 1min;
inline constexpr auto kJoinTtlMost = 24h * 30;
inline constexpr auto kSeenEvery = 1min;  // the store is not written for every sign of life
inline constexpr auto kMovesEvery = 1s;  // a relay's new address is written, and told to all others

// --- Enrolment: who has no certificate yet may only try so often
inline constexpr double kJoinsBurst = 30;       // of one address: a rack of relays at once
inline constexpr double kJoinsPerSecond = 0.5;  // then
inline constexpr size_t kJoinAddresses = 4096;  // remembered
inline constexpr size_t kSigningRequestBytes = 16 * 1024;
inline constexpr size_t kTokenTextBytes = 256;

// --- Tests of keys
inline constexpr size_t kKeyTests = 10'000;  // of one call: a full pool by one relay
inline constexpr size_t kPlainKeys = 100;    // as many as /verify takes
inline constexpr size_t kPlainKeyBytes = 4096;
inline constexpr auto kKeyTestSilence = 60s;  // of a relay, whose single test lasts up to 30 s

// --- Messages
inline constexpr size_t kMessageBytes = 16 * 1024 * 1024;  // what either side takes
inline constexpr size_t kUpdateBytes = 960 * 1024;  // an update below 1 MiB leaves room for pulses
inline constexpr size_t kVersionBytes = 64;
inline constexpr size_t kTypes = 16;
inline constexpr size_t kCommands = 64;
inline constexpr size_t kTypeBytes = 64;
inline constexpr size_t kItems = 200'000;  // of an inventory
inline constexpr size_t kItemNameBytes = 256;
inline constexpr size_t kItemErrors = 10'000;  // as many as there may be routes
inline constexpr size_t kItemErrorBytes = 1024;
inline constexpr size_t kListeners = 64;
inline constexpr size_t kListenerBytes = 256;
inline constexpr size_t kPeerAddressBytes = 260;  // a DNS name of 253, ':', a port
inline constexpr size_t kUpstreams = 1000;        // of one metrics report
inline constexpr size_t kKeys = 10'000;
inline constexpr size_t kTargets = 1000;
inline constexpr size_t kPools = 1000;
inline constexpr size_t kBuckets = 64;
inline constexpr size_t kMetricNameBytes = 256;
inline constexpr size_t kLedgerRecords = 10'000;  // of one batch
inline constexpr size_t kLedgerTextBytes = 256;  // of one field; a model's name comes from a client

// --- The stream
inline constexpr auto kHelloWithin = 10s;
inline constexpr auto kPulseEvery = 10s;
inline constexpr auto kPulseDeath = 30s;
inline constexpr auto kAckWithin = 60s;  // 10,000 routes are compiled in far less
inline constexpr size_t kInbox = 64;     // messages that are read and not yet heard

// --- Metrics
inline constexpr size_t kReportsKept = 4;      // rates are over these
inline constexpr uint32_t kPoolNews = 6;       // of one pool of one relay in a while: three dips
inline constexpr auto kPoolNewsWhile = 10min;  // the audit log keeps what operators did, too

}  // namespace culvert::control::limits
