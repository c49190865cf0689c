// Prometheus metrics of the process: names are stable, labels bounded (upstreams and masked keys of
// the configuration; hosts of the generic proxy share the label "generic"). Any thread may count;
// what is counted per request keeps its counters, so that no label is looked up on the way.
#pragma once

#include "relay/usage/health_gauges.h"
#include "relay/usage/record.h"

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
class Registry;
}  // namespace prometheus

namespace culvert {

class Metrics {
 public:
  explicit Metrics(std::string_view version);
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;
  ~Metrics();

  // One upstream's counters; the reference stays valid.
  class OfUpstream;
  OfUpstream& upstream(const std::string& name);

  // One tunnel's; the same.
  class OfTunnel;
  OfTunnel& tunnel(const std::string& name);

  void count_refused(std::string_view reason);
  void add_connections(int change);
  void add_active_requests(int change);
  int64_t active_requests() const;
  void count_key(const std::string& upstream, const std::string& masked, std::string_view result);
  void set_ready(bool ready);
  void set_certificate_expiry(int64_t unix_seconds);
  void set_access_log_lost(uint64_t lines);
  void count_reload(bool accepted);
  // Of the usage spool: records that wait, their bytes on disk, records that did not fit.
  void set_spool(uint64_t records, uint64_t bytes, uint64_t lost);

  // Streams that are kept for clients that lost their connection: now, and what came of them.
  void set_kept_streams(size_t streams, size_t bytes);
  void count_replay_reader();
  void count_replay_refused(std::string_view reason);

  // Of a relay that has joined a control service.
  struct Control {
    bool connected = false;
    bool from_cache = false;  // what runs was kept from an earlier start
    bool stale = false;       // its tokens and keys do not work
    double age_seconds = 0;   // since the service was there
    uint64_t revision = 0;  // as operators count; 0: none, or not known
    uint64_t refused_items = 0;
    bool keep_failed = false;  // what runs could not be written to the disk
  };
  void set_control(const Control& control);

  // What the control service is told of this relay, since the process began.
  struct Summary {
    struct OfOne {
      uint64_t requests = 0;
      uint64_t errors = 0;
      uint64_t input_tokens = 0;
      uint64_t output_tokens = 0;
    };
    OfOne all;
    std::map<std::string, OfOne> upstreams;
    uint64_t connections = 0;
    std::vector<double> first_token_bounds;
    std::vector<uint64_t> first_token_counts;  // one more; not cumulative
    double first_token_sum = 0;
  };
  Summary summary() const;

  // The text of /metrics. `health`: the states now; what is not in it any more disappears.
  std::string text(const HealthGauges& health);

  class OfUpstream {
   public:
    OfUpstream(prometheus::Registry& registry, const std::string& name);
    void finished(const RequestRecord& record);
    void count_tokens(const RequestRecord& record);  // of a lost attempt; others as they finish
    void connected(bool reused, bool tls, bool session_resumed);
    void attempted(std::string_view strategy);
    void tried_again(std::string_view where);  // flow/retry's word
    void resumes();  // a stream that broke off is asked for once more

   private:
    prometheus::Counter& requests(int status, Outcome outcome);
    void count_recovery(const RequestRecord& record);

    prometheus::Registry& registry_;
    std::string name_;
    std::mutex mutex_;  // of the array: counters are made at their first use
    std::array<std::array<prometheus::Counter*, 6>, 6> requests_{};
    prometheus::Counter& socket_attempts_;
    prometheus::Counter& fetch_attempts_;
    prometheus::Counter& new_connections_;
    prometheus::Counter& reused_connections_;
    prometheus::Counter& full_handshakes_;
    prometheus::Counter& resumed_handshakes_;
    prometheus::Counter& tokens_in_;
    prometheus::Counter& tokens_out_;
    prometheus::Counter& tokens_cached_;
    prometheus::Counter& tokens_reasoning_;
    prometheus::Counter& estimated_in_;
    prometheus::Counter& estimated_out_;
    prometheus::Histogram& duration_;
    prometheus::Histogram& first_token_;
    prometheus::Histogram& resolve_;
    prometheus::Histogram& connect_;
    prometheus::Histogram& tls_;
  };

  class OfTunnel {
   public:
    OfTunnel(prometheus::Registry& registry, const std::string& name);
    void opened();  // both sides are connected
    void passed(uint64_t in, uint64_t out);  // bytes more, of the client and of the destination
    void closed(Outcome outcome);  // of one that was opened
    void refused(Code code);

   private:
    prometheus::Registry& registry_;
    std::string name_;
    prometheus::Gauge& active_;
    prometheus::Counter& bytes_in_;
    prometheus::Counter& bytes_out_;
  };

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace culvert
