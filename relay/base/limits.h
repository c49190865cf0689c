// Every bound of the relay that is not configurable, and the defaults of those that are, each with
// the reason for its value. What the network may make us hold is bounded here or not at all.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace culvert::limits {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

inline constexpr size_t kKiB = 1024;
inline constexpr size_t kMiB = 1024 * kKiB;

// --- HTTP heads (surface: errors table). 64 KiB and 100 fields are what large gateways take.
inline constexpr size_t kHeadBytes = 64 * kKiB;
inline constexpr size_t kHeadFields = 100;
inline constexpr size_t kTargetBytes = 16 * kKiB;
inline constexpr size_t kLeadingEmptyLines = 4;    // RFC 9112 §2.2 asks for leniency, not for more
inline constexpr size_t kTrailerBytes = 8 * kKiB;  // dropped, but read
inline constexpr size_t kTrailerFields = 32;
inline constexpr size_t kChunkExtensionBytes = 1024;  // of one body; nobody uses them honestly
inline constexpr int kInterimAnswers = 16;            // 1xx before a final answer

// --- Bytes held per stream and direction. A reader that does not read stops the sender at the high
// mark; 256 KiB holds a second of a fast stream, and 5,000 stalled streams then hold 1.25 GiB.
inline constexpr size_t kHighWater = 256 * kKiB;
inline constexpr size_t kLowWater = 64 * kKiB;
inline constexpr size_t kReadScratch = 64 * kKiB;  // per worker: one read(2)
inline constexpr int kReadsPerWakeup = 4;          // 256 KiB of one peer, then the others' turn

// --- What a request body may have at most to be sent again with another key, or to be searched for
// a model's name. Larger bodies stream through and are sent once.
inline constexpr size_t kReplayBytes = 8 * kMiB;
// Of all requests of a process together; above it, bodies stream through and are sent once.
inline constexpr size_t kReplayBytesTotal = 256 * kMiB;
// Keys that one request may try, each after the refusal of the last: many may be dead that stand
// side by side in a list, and each is found out only once. Of a list that a caller brings, fewer:
// a stranger's request is not to become many.
inline constexpr size_t kKeyTries = 32;
inline constexpr size_t kCallersKeyTries = 8;
inline constexpr size_t kModelBytes = 512;  // of a model's name; a longer one is no name

// --- Timers (surface: environment; streams: Forwarding)
inline constexpr auto kResolveTimeout = 10s;
inline constexpr auto kConnectTimeout = 10s;
inline constexpr auto kTlsTimeout = 10s;
inline constexpr auto kFirstByteTimeout = 300s;
inline constexpr auto kIdleTimeout = 300s;
inline constexpr auto kRequestHeadTimeout = 15s;
inline constexpr auto kRequestBodyTimeout = 60s;  // without a byte from the client
inline constexpr auto kKeepAliveTimeout = 75s;    // nginx's; browsers keep 60 s or less
inline constexpr auto kClientHandshakeTimeout = 10s;
inline constexpr auto kClientWriteTimeout = 300s;  // without a byte taken by a slow reader
inline constexpr auto kCorsMaxAge =
    600s;  // Chromium's maximum is 2 h; without one it asks each time
inline constexpr auto kLingerTimeout =
    2s;  // reading on after an early answer, so that no RST eats it
inline constexpr auto kDrainTimeout = 600s;
inline constexpr auto kDrainFresh = 1s;  // for the first request of who connected before the drain
inline constexpr std::chrono::seconds kDrainedRetry = 5s;  // Retry-After of a drained relay
inline constexpr auto kPooledIdleTimeout = 50s;  // below the 60 s at which common front ends close

// --- Connections
inline constexpr size_t kConnections = 10000;           // of clients, per process
inline constexpr size_t kConnectionsPerAddress = 1000;  // behind a NAT many users share one
// Idle, per worker. Fewer than the answers of one turn of the loop, of which libuv hands over 1,024
// at once, make each burst open connections, and the lull behind it close them: 256 cost 5,000
// clients as much CPU time again for each request.
inline constexpr size_t kPooledPerUpstream = 1024;
inline constexpr size_t kPooledInAll = 2048;
inline constexpr size_t kFetchLanes = 256;       // of libcurl, per worker: 64 KiB each without work
inline constexpr size_t kFetchesPerLane = 2048;  // running at once; each has its own connection
inline constexpr size_t kConnectsAtOnce = 8;            // of one race; black holes cost sockets
inline constexpr size_t kReservedDescriptors = 64;      // logs, listeners, loops, DNS
inline constexpr int kListenBacklog = 4096;
inline constexpr int kAcceptsPerWakeup = 64;
inline constexpr size_t kHandshakesWaiting = 2048;  // at 2 ms each, 2 s of work for two threads
inline constexpr size_t kPipelined = 16 * kKiB;     // bytes read ahead of a running request

// --- DNS
inline constexpr size_t kDnsEntries = 4096;
inline constexpr size_t kDnsWaiting = 1024;  // lookups in flight per worker
inline constexpr size_t kDnsAddresses = 32;  // of one name
inline constexpr auto kDnsTtlLeast = 1s;
inline constexpr auto kDnsTtlMost = 1h;
inline constexpr auto kDnsNegativeTtl = 5s;
inline constexpr auto kDnsStale = 24h;         // served when a name server fails (RFC 8767)
inline constexpr auto kDnsStaleRecheck = 30s;  // RFC 8767 §5: then the servers are asked again
inline constexpr auto kHappyEyeballsDelay = 250ms;  // RFC 8305 §5

// --- Hosts that clients name, of which the health is known; least recently used go first
inline constexpr size_t kKnownHosts = 4096;

// --- Keys
inline constexpr auto kKeyRest = 60s;             // after 429 without a time in it
inline constexpr auto kKeyRestMost = 24h;         // daily quotas reset within
inline constexpr auto kKeyIsolation = 10min;      // after 401 or 403, then it is tried again
inline constexpr auto kKeyQuotaMost = 744h;       // where a month's quota names its reset
inline constexpr auto kKeyBillingIsolation = 1h;  // at least: accounts are filled up by people
inline constexpr auto kKeyProbeLeast = 30s;       // until an isolated key is tested; doubles
inline constexpr auto kKeyProbeMost = 1h;
inline constexpr auto kKeyCheckTimeout = 10s;  // of the whole call, where nothing is configured
inline constexpr size_t kKeyChecksAtOnce = 8;  // of one /verify; vendors throttle bursts
// Of the control service's tests (link: VerifyKeys): operators are few, and wait for each other.
inline constexpr size_t kKeyTestOrders = 4;
// One key's, whatever the health check allows: the service gives up who is silent for longer.
inline constexpr auto kKeyTestMost = 30s;
inline constexpr size_t kVerifyBody = 64 * kKiB;
inline constexpr size_t kKeysPerPool = 10000;
inline constexpr size_t kKeysPerRequest = 100;  // of a client's comma list
inline constexpr size_t kClientPools = 4096;  // states of such lists, least recently used go first

// --- Further tries of a request (v1::Retry)
inline constexpr uint32_t kRetryAttempts = 4;       // two keys, another target, another upstream
inline constexpr uint32_t kRetryAttemptsMost = 32;  // more of them are an outage's own load
// What says "not now" or "not here": rate limit, server errors, and Anthropic's "overloaded".
inline constexpr std::array<uint16_t, 6> kRetryStatuses = {429, 500, 502, 503, 504, 529};
inline constexpr auto kRetryBackoff = 250ms;   // a hiccup passes before a person notices
inline constexpr auto kRetryBackoffMost = 8s;  // longer pauses are for the client to decide on
inline constexpr auto kRetryWithin = 60s;      // SDKs try again themselves after a minute or so
inline constexpr uint32_t kRetryBudgetPercent = 10;  // the amplification of an outage is then 1.1
inline constexpr uint32_t kRetryBudgetLeast = 3;     // a minute: a quiet relay may try again at all
inline constexpr uint32_t kRetryBudgetLeastMost = 10'000;  // above it is no budget

// --- Targets that are left alone (v1::CircuitBreaker)
inline constexpr uint32_t kBreakerFailures = 5;   // one after the other: no coincidence any more
inline constexpr uint32_t kBreakerPercent = 50;   // a target that fails half is worse than none
inline constexpr uint32_t kBreakerRequests = 20;  // fewer say nothing about a share
inline constexpr auto kBreakerWindow = 30s;       // long enough for a count, short enough to forget
inline constexpr auto kBreakerOpen = 5s;          // the time of a restart behind a load balancer
// Where the rest cannot carry the load, it fails as well, and then all are asked again.
inline constexpr uint32_t kBreakerEjectedPercent = 100;
inline constexpr uint32_t kBreakerCountMost = 1'000'000;  // beyond is `off`

// --- Active checks (v1::HealthCheck)
inline constexpr auto kHealthInterval = 5min;     // 288 calls a day and key: no provider minds
inline constexpr auto kHealthIntervalLeast = 5s;  // below it a check is a load
inline constexpr auto kHealthTimeout = 10s;       // a list of models takes far below one second

// --- Requests of an upstream at once (v1::Concurrency)
inline constexpr uint32_t kConcurrencyMost = 10'000;      // as many as there are client connections
inline constexpr uint32_t kConcurrencyLeast = 8;          // below it nothing is learnt any more
inline constexpr uint32_t kConcurrencyBound = 1'000'000;  // larger ones are typing errors
inline constexpr uint32_t kQueueLength = 1000;            // at some KiB each, a few MiB
inline constexpr auto kQueueAge = 5s;                     // who waits longer tries elsewhere

// --- /verify: strangers may check a key or two, not a list of stolen ones
inline constexpr uint32_t kVerifyKeysPerMinute = 10;
inline constexpr uint32_t kVerifyKeysPerMinuteMost = 100'000;  // no limit any more

// --- Configuration
inline constexpr size_t kConfigBytes = 16 * kMiB;
inline constexpr size_t kConfigNodes = 1'000'000;  // of YAML: the keys of 100 full pools
inline constexpr int kConfigDepth = 32;            // the deepest field lies at 6
inline constexpr size_t kSecretBytes = 64 * kKiB;  // of one secret's file
inline constexpr auto kTimerMost = 24h;            // longer ones are typing errors
inline constexpr uint32_t kWorkersMost = 1024;
inline constexpr size_t kTokenBytesLeast = 16;
inline constexpr size_t kTokenBytesMost = 256;

// --- Usage records on disk: a busy hour of 1,000 requests/s is 1 GiB
inline constexpr uint64_t kSpoolBytes = uint64_t{1} << 30;
inline constexpr uint64_t kSpoolBytesLeast = 1024 * 1024;
inline constexpr uint64_t kSegmentBytes = 4 * 1024 * 1024;  // one file: deleted at once
inline constexpr size_t kUsageRecordBytes = 8 * 1024;       // of one; names are shorter by far
inline constexpr size_t kUsageObjectBytes = 16 * 1024;      // of an answer; vendors' have 1 KiB
// --- The link to the control service. Messages carry whole sets: 10,000 routes are some megabytes.
inline constexpr size_t kLinkMessageBytes = 64 * 1024 * 1024;
inline constexpr size_t kLinkItems = 100'000;                // of one type
inline constexpr size_t kLinkTypeBytes = 256 * 1024 * 1024;  // of one type in all
inline constexpr size_t kLinkItemBytes = 4 * 1024 * 1024;    // a full key pool is 2 MiB
inline constexpr auto kLinkConnectTimeout = 10s;             // of one address
inline constexpr auto kLinkBackoffLeast = 500ms;
inline constexpr auto kLinkBackoffMost = 30s;
inline constexpr auto kLinkHealthy = 30s;  // a link that lived as long begins its back-off anew
inline constexpr auto kLinkKeepalive = 20s;
inline constexpr auto kLinkSilence = 90s;  // of a service that has not said a word, not even Pulse
inline constexpr auto kMetricsEvery = 2s;
inline constexpr size_t kLedgerBatch = 1000;  // records; the next batch waits for its answer
inline constexpr auto kControlMaxAge = 24h;  // a night and a day for whoever repairs the service
inline constexpr auto kControlMaxAgeMost = 720h;
inline constexpr auto kControlFirstWait = 10s;
inline constexpr auto kControlSettle = 1s;  // without a further update after the Welcome
inline constexpr int kRefusalChecks = 200;  // of halving; what is left then is refused whole
inline constexpr size_t kKeptBytes = 512 * 1024 * 1024;  // of a slot of the last-known-good cache

// --- Streams that are taken up again (v1::Resume)
inline constexpr uint32_t kResumeAttempts = 5;       // a stream that breaks five times is an outage
inline constexpr uint32_t kResumeAttemptsMost = 32;  // as kRetryAttemptsMost
inline constexpr auto kResumeWithin = 600s;          // of the first cut: long answers need minutes
inline constexpr auto kResumeBackoff = 250ms;
inline constexpr auto kResumeIdle = 60s;  // a second try costs little where a first one hangs
inline constexpr auto kResumeBackoffMost = 8s;
inline constexpr uint32_t kResumeSeam = 256;       // code points; models repeat a sentence or two
inline constexpr uint32_t kResumeSeamMost = 4096;  // the comparison is squared
inline constexpr auto kResumeSeamWait = 300ms;     // a reader does not notice it
inline constexpr size_t kResumeOverlap = 8;        // fewer code points are met by chance
inline constexpr auto kResumeTail = 2s;  // for what follows an answer that is complete
inline constexpr size_t kResumeTextBytes = kMiB;  // 65,536 tokens of any language
inline constexpr size_t kResumeSignatureBytes = 256 * kKiB;  // of an answer's signed parts
inline constexpr size_t kResumeEventBytes = 16 * kMiB;  // images come inline
inline constexpr size_t kResumePromptBytes = 4 * kKiB;  // goes up with each further attempt
inline constexpr size_t kResumeBodyBytes = 64 * kMiB;  // of a request that is extended
inline constexpr uint32_t kResumeStalled = 3;           // attempts without progress
inline constexpr size_t kResumeProgress = 150;          // code points that they have to bring

// --- Streams that are kept for clients that lost their connection (v1::Replay)
inline constexpr size_t kReplayStreamBytes = 16 * kMiB;  // 65,536 tokens, an event each
inline constexpr size_t kReplayStreamBytesLeast = 64 * kKiB;  // fewer keep no answer
inline constexpr size_t kReplayTotalBytes = 256 * kMiB;
inline constexpr uint32_t kReplayStreams = 4096;
inline constexpr uint32_t kReplayStreamsMost = 1U << 20;
inline constexpr auto kReplayUnread = 300s;  // a phone in a lift
inline constexpr auto kReplayKept = 300s;

// --- Tunnels (v1::Tunnel)
inline constexpr auto kTunnelIdle = 10min;             // nginx's; a session over SSH pauses as long
inline constexpr uint64_t kTunnelConnectionsMost = 1U << 20;
inline constexpr auto kTunnelLinger = 2s;  // for what was taken before an end that is a reset

// --- Connections through other relays of the fleet (v1::Peer)
inline constexpr int kStrategiesMost = 8;  // of one upstream
inline constexpr size_t kPeerTries = 3;    // relays of a region, for one connection
inline constexpr size_t kPeerSpare = 2;    // connections that wait; of a relay, per worker
inline constexpr size_t kPeerSpareInAll = 64;   // per worker
inline constexpr size_t kPeersChecked = 256;    // relays, by each one that goes through them
inline constexpr auto kPeerCheckInterval = 5s;  // plus or minus a tenth
inline constexpr auto kPeerCheckTimeout = 5s;
inline constexpr auto kPeerOpenTimeout = 5s;  // TCP and TLS each; relays are well connected
inline constexpr auto kPeerAnswerSlack = 2s;  // beyond the time limits that the far relay keeps
inline constexpr auto kPeerWaiting = 75s;     // for a request; longer than spare ones are kept
inline constexpr auto kPeerIdle = 24h;        // of what is carried; the near relay's are shorter
inline constexpr size_t kPeerConnections = 16384;  // of other relays, per worker
inline constexpr size_t kPeerHeadBytes = 8 * kKiB;
inline constexpr size_t kPeerHops = 4;  // relays that a connection has come through

// --- Server-sent events: the longest line of an event that is looked at (images come inline)
inline constexpr size_t kSseEventBytes = 16 * kMiB;

}  // namespace culvert::limits
