// /verify: tests the keys that a request brings and says of each, as soon as it is known, whether
// its upstream takes it (surface: URLs of a relay). Part of the session, which owns the answer.
// Strangers are no oracle's guests: where no token is demanded, they may test a few keys a minute.
#pragma once

#include "relay/codec/request_parser.h"
#include "relay/flow/key_check.h"
#include "relay/flow/services.h"
#include "relay/gate/verify_request.h"
#include "relay/route/target.h"

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace culvert {

class VerifySink {
 public:
  virtual ~VerifySink() = default;
  virtual void on_verify_refused(Error error) = 0;  // instead of all others
  virtual void on_verify_begins() = 0;
  virtual void on_verified(std::string_view event) = 0;  // one server-sent event
  virtual void on_verify_over() = 0;
};

class Verify final : public Retirable, private KeyCheckSink {
 public:
  Verify(WorkerServices& services, std::shared_ptr<const Table> table, VerifySink& sink);

  // May call the sink from inside, as the two below.
  void start(const RequestHead& request, const Where& where, const Address& client);
  void on_body(std::string_view bytes);
  void on_body_end();
  void stop();  // no more calls of the sink; what is under way is cancelled
  bool authenticated() const { return request_.authenticated; }

 private:
  void on_key_checked(KeyCheck& check, const KeyCheckResult& result) override;
  Result<void> read(const RequestHead& request, const Where& where);
  Result<void> admit() const;
  void begin();
  void next();

  WorkerServices& services_;
  const std::shared_ptr<const Table> table_;
  VerifySink* sink_;  // null: stopped
  const Upstream* upstream_ = nullptr;
  Address client_ = Address::v4({});
  VerifyRequest request_;
  std::string body_;
  bool waits_for_body_ = false;
  size_t begun_ = 0;  // of the keys
  std::unordered_map<KeyCheck*, std::unique_ptr<KeyCheck>> running_;
};

}  // namespace culvert
