// Read, admit, then one check after the other finishes.
#include "relay/flow/verify.h"

#include "relay/base/json_writer.h"
#include "relay/base/limits.h"
#include "relay/base/query.h"
#include "relay/base/text.h"
#include "relay/base/url.h"

namespace culvert {
namespace {

constexpr std::string_view kUsualUpstream = "gemini";

Error bad(Code code, std::string detail) {
  return Error::client(code, Stage::kRoute, std::move(detail));
}

std::string event_of(const std::string& masked,
                     const std::string& upstream,
                     const KeyCheckResult& result) {
  JsonWriter json;
  json.begin_object().field("key", masked).field("upstream", upstream);
  json.field("status", to_string(result.status));
  if (!result.error.empty()) json.field("error", result.error);
  json.end_object();
  return "data: " + json.take() + "\n\n";
}

}  // namespace

Verify::Verify(WorkerServices& services, std::shared_ptr<const Table> table, VerifySink& sink)
    : services_(services), table_(std::move(table)), sink_(&sink) {}

void Verify::start(const RequestHead& request, const Where& where, const Address& client) {
  client_ = client;
  if (auto readable = read(request, where); !readable) {
    return sink_->on_verify_refused(std::move(readable).error());
  }
  waits_for_body_ = request.has_body();
  if (!waits_for_body_) begin();
}

Result<void> Verify::read(const RequestHead& request, const Where& where) {
  if (request.method != "GET" && request.method != "POST") {
    return bad(Code::kMethodNotAllowed, "keys are tested with GET or POST");
  }
  std::string alias(kUsualUpstream);
  const auto named = query_values(where.path, "upstream");
  if (!named.empty()) alias = lower(percent_decode(named.front()));
  upstream_ = table_->snapshot().upstream(alias);
  if (upstream_ == nullptr) return bad(Code::kNotFound, "there is no such upstream on this relay");
  if (key_check_path(*upstream_, upstream_->targets.front().url).empty()) {
    return bad(Code::kBadRequest, "no cheap call is known that would test a key of this upstream");
  }
  request_ = CULVERT_TRY(read_verify_request(request.headers, where.path, where.token.reveal(),
                                             *upstream_, table_->tokens()));
  if (table_->settings().preset_auth && !request_.authenticated) {
    return Error::client(Code::kUnauthorized, Stage::kAuth, "a relay token is needed here");
  }
  return {};
}

void Verify::on_body(std::string_view bytes) {
  if (!waits_for_body_ || sink_ == nullptr) return;
  body_.append(bytes);
  if (body_.size() <= limits::kVerifyBody) return;
  waits_for_body_ = false;
  sink_->on_verify_refused(
      Error::client(Code::kBodyTooLarge, Stage::kLimit, "more than keys can need"));
}

void Verify::on_body_end() {
  if (!waits_for_body_ || sink_ == nullptr) return;
  waits_for_body_ = false;
  auto added = add_keys_of_body(body_, table_->tokens(), &request_);
  wipe(body_.data(), body_.size());
  if (!added) return sink_->on_verify_refused(std::move(added).error());
  begin();
}

Result<void> Verify::admit() const {
  if (request_.keys.empty()) {
    return Error::client(Code::kBadRequest, Stage::kAuth,
                         "the request brings no key: put keys where the upstream's clients do, "
                         "or one a line into the body of a POST");
  }
  if (request_.authenticated) return {};
  return services_.process.strangers.take(client_, static_cast<uint32_t>(request_.keys.size()),
                                          table_->settings().verify_keys_per_minute,
                                          services_.clock.now());
}

void Verify::begin() {
  if (auto admitted = admit(); !admitted) {
    return sink_->on_verify_refused(std::move(admitted).error());
  }
  sink_->on_verify_begins();
  while (running_.size() < limits::kKeyChecksAtOnce && begun_ < request_.keys.size()) next();
}

void Verify::next() {
  auto check = std::make_unique<KeyCheck>(
      services_, KeyCheckOrder{table_, *upstream_, request_.keys[begun_++], std::nullopt, {}},
      static_cast<KeyCheckSink&>(*this));
  KeyCheck& started = *check;
  running_.emplace(&started, std::move(check));
  started.start();
}

void Verify::on_key_checked(KeyCheck& check, const KeyCheckResult& result) {
  const auto found = running_.find(&check);
  services_.loop.retire(std::move(found->second));
  running_.erase(found);
  if (begun_ < request_.keys.size()) next();
  sink_->on_verified(event_of(check.masked(), upstream_->name, result));
  if (sink_ != nullptr && running_.empty()) sink_->on_verify_over();
}

void Verify::stop() {
  sink_ = nullptr;
  for (auto& [address, check] : running_) {
    check->stop();
    services_.loop.retire(std::move(check));
  }
  running_.clear();
}

}  // namespace culvert
