// The admin listener: /metrics, /healthz, /readyz, and /debug for people who look into a running
// relay. On the main thread; a request at a time per connection, closed after each answer.
#pragma once

#include "relay/base/address.h"
#include "relay/channel/listener.h"

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

namespace culvert {

struct AdminAnswer {
  int status = 200;
  std::string type;
  std::string body;
};

class Admin final : private AcceptSink {
 public:
  // `answer`: from the path (without query) of a GET.
  using Answers = std::function<AdminAnswer(std::string_view path)>;
  static Result<std::unique_ptr<Admin>> create(Loop& loop,
                                               const SocketAddress& address,
                                               Answers answers);
  ~Admin() override;

  const SocketAddress& address() const { return address_; }

 private:
  class Visit;
  Admin(Loop& loop, Answers answers);
  bool on_accept(Fd connection, const Address& peer) override;
  void over(Visit& visit);

  Loop& loop_;
  Answers answers_;
  SocketAddress address_;
  std::unique_ptr<Listener> listener_;
  std::unordered_map<Visit*, std::unique_ptr<Visit>> visits_;
};

}  // namespace culvert
