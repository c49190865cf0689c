// Transfers that may share connections, and these connections: one multi handle of libcurl on the
// worker's loop. What may share is decided by ConnectPlan::identity() and nothing else: libcurl's
// own matching of connections has been wrong before (CVE-2022-27782, CVE-2023-27538), so transfers
// of different identities never meet in one multi handle.
#pragma once

#include "relay/channel/fd.h"
#include "relay/channel/tcp.h"
#include "relay/channel/timer.h"
#include "relay/upstream/fetch_client.h"
#include "relay/upstream/fetch_trust.h"

#include <curl/curl.h>

#include <memory>
#include <string_view>
#include <unordered_map>

namespace culvert {

// The owner of an easy handle, which holds it as its CURLOPT_PRIVATE. Neither is called where it
// could call back into libcurl.
class FetchTransfer {
 public:
  virtual ~FetchTransfer() = default;
  virtual void on_done(CURLcode code) = 0;
  virtual void on_socket_closing(const TcpState& state) = 0;  // of the socket that it claimed
};

class FetchLane final : public Retirable {
 public:
  FetchLane(FetchClient& client, Loop& loop, std::shared_ptr<const TrustStore> trust);
  ~FetchLane() override;

  // Starts a transfer; it is told of nothing from inside. False: libcurl could not.
  bool add(CURL* easy);
  void remove(CURL* easy, FetchTransfer& transfer);

  int adopt(Fd fd);  // a connected socket, on its way to libcurl
  // The socket that has this local end is the transfer's until it is removed.
  TcpState claim(std::string_view local_address, int local_port, FetchTransfer& transfer);
  // What the transfer claimed, if it is there yet, is not used again.
  void spoil(FetchTransfer& transfer);

  // Those that wait for another request; a transfer that has no connection yet hides one.
  size_t idle_sockets() const {
    return sockets_.size() > transfers_ ? sockets_.size() - transfers_ : 0;
  }
  bool unused() const { return users == 0; }

  FetchTrust& trust() { return trust_; }
  const uint64_t& turn() const { return turn_; }  // see read_by_records()

  size_t users = 0;  // kept by the client, with the next
  Instant last_used{};

 private:
  class Socket;
  static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void*);
  static int on_timer(CURLM*, long timeout_ms, void* self);
  static int on_close(void* self, curl_socket_t fd);
  void act(curl_socket_t fd, int events);

  FetchClient& client_;
  Loop& loop_;
  FetchTrust trust_;
  CURLM* multi_;
  CURLSH* sessions_;  // of TLS
  size_t transfers_ = 0;
  uint64_t turn_ = 0;
  bool ending_ = false;
  std::unordered_map<int, std::unique_ptr<Socket>> sockets_;
  Timer timer_;
};

}  // namespace culvert
