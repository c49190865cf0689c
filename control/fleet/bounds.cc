// Counts first, then the sizes of words; numbers need no bounds.
#include "control/fleet/bounds.h"

#include "control/fleet/limits.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace culvert::control {
namespace {

constexpr size_t kIdDigits = 32;

Error beyond(const char* what) {
  return Error::client(Code::kBadRequest, Stage::kNone, std::string(what) + " is beyond its bound");
}

template <class Repeated>
bool more_than(const Repeated& list, size_t most) {
  return static_cast<size_t>(list.size()) > most;
}

template <class Errors>
Result<void> check_errors(const Errors& errors) {
  if (more_than(errors, limits::kItemErrors)) return beyond("the number of refused items");
  for (const v1::ItemError& error : errors) {
    if (error.name().size() > limits::kItemNameBytes) return beyond("an item's name");
    if (error.message().size() > limits::kItemErrorBytes) return beyond("an item's error");
  }
  return {};
}

Result<void> check(const v1::Inventory& inventory) {
  if (inventory.type().size() > limits::kTypeBytes) return beyond("a type's name");
  if (more_than(inventory.items(), limits::kItems)) return beyond("an inventory");
  for (const v1::ItemHash& item : inventory.items()) {
    if (item.name().size() > limits::kItemNameBytes) return beyond("an item's name");
    if (item.hash().size() > 64) return beyond("an item's hash");
  }
  return check_errors(inventory.errors());
}

bool is_id(const std::string& text) {
  return text.size() == kIdDigits &&
         text.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
}

// Never within a character: what follows its first byte begins with the bits 10 (RFC 3629).
void cut(std::string* text) {
  size_t size = limits::kLedgerTextBytes;
  if (text->size() <= size) return;
  while (size > 0 && (static_cast<unsigned char>((*text)[size]) & 0xc0) == 0x80) --size;
  text->resize(size);
}

Result<void> check_peers(const v1::MetricsReport& report) {
  if (more_than(report.peers(), limits::kRelays)) return beyond("the number of peers");
  for (const v1::PeerCondition& peer : report.peers()) {
    if (std::max({peer.relay().size(), peer.region().size(), peer.error().size()}) >
        limits::kMetricNameBytes) {
      return beyond("a peer's condition");
    }
    if (!std::isfinite(peer.round_trip_ms())) return beyond("a number");
  }
  return {};
}

Result<void> check_health(const v1::MetricsReport& report) {
  if (more_than(report.targets(), limits::kTargets)) return beyond("the number of targets");
  if (more_than(report.pools(), limits::kPools)) return beyond("the number of pools");
  for (const v1::TargetCondition& target : report.targets()) {
    for (const std::string* text : {&target.upstream(), &target.target(), &target.breaker(),
                                    &target.stage(), &target.error(), &target.strategy()}) {
      if (text->size() > limits::kMetricNameBytes) return beyond("a target's condition");
    }
  }
  for (const v1::PoolCondition& pool : report.pools()) {
    if (std::max(pool.pool().size(), pool.upstream().size()) > limits::kMetricNameBytes) {
      return beyond("a pool's condition");
    }
  }
  return check_peers(report);
}

}  // namespace

Result<void> check(const v1::Hello& hello) {
  if (hello.version().size() > limits::kVersionBytes) return beyond("the version");
  if (hello.instance().size() > limits::kVersionBytes) return beyond("the instance");
  if (more_than(hello.types(), limits::kTypes)) return beyond("the number of types");
  for (const std::string& type : hello.types()) {
    if (type.size() > limits::kTypeBytes) return beyond("a type's name");
  }
  if (more_than(hello.commands(), limits::kCommands)) return beyond("the number of commands");
  if (more_than(hello.have(), limits::kTypes)) return beyond("the number of inventories");
  for (const v1::Inventory& inventory : hello.have()) CULVERT_CHECK(check(inventory));
  return check(hello.state());
}

Result<void> check(const v1::TypeAck& ack) {
  if (ack.type().size() > limits::kTypeBytes) return beyond("a type's name");
  if (ack.nonce().size() > limits::kTypeBytes) return beyond("a nonce");
  if (ack.applied_hash().size() > 64) return beyond("a hash");
  return check_errors(ack.errors());
}

Result<void> check(const v1::RelayState& state) {
  if (more_than(state.listening(), limits::kListeners)) return beyond("the number of listeners");
  for (const std::string& url : state.listening()) {
    if (url.size() > limits::kListenerBytes) return beyond("a listener's URL");
  }
  if (state.peer_address().size() > limits::kPeerAddressBytes) return beyond("the peer address");
  return {};
}

Result<void> check(const v1::KeyVerified& verified) {
  if (verified.pool().size() > limits::kItemNameBytes) return beyond("a pool's name");
  if (verified.id().size() > limits::kTypeBytes) return beyond("a key's id");
  if (verified.error().size() > limits::kItemErrorBytes) return beyond("a key's error");
  return {};
}

Result<void> check(const v1::MetricsReport& report) {
  if (more_than(report.upstreams(), limits::kUpstreams)) return beyond("the number of upstreams");
  if (more_than(report.keys(), limits::kKeys)) return beyond("the number of keys");
  if (more_than(report.first_token().bounds(), limits::kBuckets)) return beyond("a histogram");
  if (more_than(report.first_token().counts(), limits::kBuckets + 1)) return beyond("a histogram");
  if (report.instance().size() > limits::kVersionBytes) return beyond("the instance");
  const auto& bounds = report.first_token().bounds();
  const bool finite =
      std::isfinite(report.cpu_seconds()) &&
      std::all_of(bounds.begin(), bounds.end(), [](double bound) { return std::isfinite(bound); });
  if (!finite) return beyond("a number");
  for (const v1::UpstreamCounters& upstream : report.upstreams()) {
    if (upstream.upstream().size() > limits::kMetricNameBytes) return beyond("an upstream's name");
  }
  for (const v1::KeyCondition& key : report.keys()) {
    const size_t longest = std::max({key.upstream().size(), key.key().size(), key.state().size()});
    if (longest > limits::kMetricNameBytes) return beyond("a key's condition");
  }
  return check_health(report);
}

Result<uint64_t> trim(v1::LedgerBatch* batch) {
  auto& records = *batch->mutable_records();
  if (more_than(records, limits::kLedgerRecords)) return beyond("a batch of the ledger");
  if (batch->instance().size() > limits::kVersionBytes) return beyond("the instance");
  const int before = records.size();
  records.erase(std::remove_if(records.begin(), records.end(),
                               [](const v1::UsageRecord& record) { return !is_id(record.id()); }),
                records.end());
  for (v1::UsageRecord& record : records) {
    for (std::string* text :
         {record.mutable_tenant(), record.mutable_token_id(), record.mutable_route(),
          record.mutable_upstream(), record.mutable_model(), record.mutable_key()}) {
      cut(text);
    }
  }
  return static_cast<uint64_t>(before - records.size());
}

}  // namespace culvert::control
