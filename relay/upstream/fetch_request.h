// One request as libcurl is told it: an easy handle with every option that does not call back. The
// head's bytes are the relay's own; what libcurl would add to them is turned off by name.
#pragma once

#include "relay/upstream/egress_proxy.h"
#include "relay/upstream/exchange.h"

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <string>

namespace culvert {

struct FetchRoute {
  const EgressProxy* proxy = nullptr;
  std::optional<Address> target;  // where names are resolved here and the proxy does the connecting
  bool fresh = true;              // a new connection, whatever lies idle
};

class FetchRequest {
 public:
  static Result<std::unique_ptr<FetchRequest>> make(const ExchangePlan& plan,
                                                    const FetchRoute& route);
  FetchRequest(const FetchRequest&) = delete;
  FetchRequest& operator=(const FetchRequest&) = delete;
  ~FetchRequest();

  CURL* easy() const { return easy_; }
  bool sends_body() const { return sends_body_; }
  bool tls_to_proxy() const { return tls_to_proxy_; }

  template <class Value>
  void set(CURLoption option, Value value) {
    if (curl_easy_setopt(easy_, option, value) != CURLE_OK) refused_ = true;
  }
  bool refused() const { return refused_; }  // an option: out of memory, or not of this libcurl

 private:
  FetchRequest() = default;
  void set_basics();
  Result<void> set_head(const ExchangePlan& plan);
  void set_body(const ExchangePlan& plan, std::string_view length);
  void set_tls(const ConnectPlan& plan);
  void set_route(const ConnectPlan& plan, const FetchRoute& route);
  void set_proxy(const EgressProxy& proxy);
  void resolve(const std::string& host, uint16_t port, const std::string& address);
  void add(curl_slist** list, const std::string& line);

  CURL* easy_ = nullptr;
  curl_slist* fields_ = nullptr;
  curl_slist* connect_to_ = nullptr;
  curl_slist* resolved_ = nullptr;
  std::string method_;
  bool sends_body_ = false;
  bool tls_to_proxy_ = false;
  bool refused_ = false;
};

}  // namespace culvert
