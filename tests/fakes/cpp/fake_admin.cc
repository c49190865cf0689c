// fake-admin: a control service for the tests of the program `culvert`. Real gRPC over real TLS,
// its state in memory: configuration with revisions, three relays, keys, tokens, usage, an audit
// log.
//   fake-admin CERT KEY [PORT]   prints "listening PORT"; ends when its standard input ends
// Tokens: admin-, operator-, viewer-, expired-token-of-the-fake. A route to an upstream that is not
// there is a finding; a route named `refused` is refused by relay `eu-1`; `slow` as a pool's name
// makes ListKeys wait until the caller gives up. Each reply of WatchRelays moves the relays on.
#include "culvert/v1/admin.grpc.pb.h"
#include "proto/yaml.h"
#include "relay/base/secret.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <string>

namespace culvert::test {
namespace {

using grpc::ServerContext;
using grpc::Status;
using grpc::StatusCode;

struct Stored {
  v1::Resource resource;
  uint64_t revision = 0;
};
using Key = std::pair<std::string, std::string>;  // kind, name
using Contents = std::map<Key, Stored>;

google::protobuf::Timestamp at(int64_t seconds) {
  google::protobuf::Timestamp time;
  time.set_seconds(1'800'000'000 + seconds);
  return time;
}

std::string kind_of(const v1::Resource& resource) {
  if (resource.has_tunnel()) return "Tunnel";
  return resource.has_upstream() ? "Upstream" : resource.has_key_pool() ? "KeyPool" : "Route";
}

std::string yaml_of(const v1::Resource& resource) {
  if (resource.has_upstream()) return to_yaml("Upstream", resource.name(), resource.upstream());
  if (resource.has_key_pool()) return to_yaml("KeyPool", resource.name(), resource.key_pool());
  if (resource.has_tunnel()) return to_yaml("Tunnel", resource.name(), resource.tunnel());
  return to_yaml("Route", resource.name(), resource.route());
}

std::string id_of(const std::string& key) {
  return fmt::format("{:012x}", std::hash<std::string>()(key) & 0xFFFFFFFFFFFF);
}

class FakeAdmin final : public v1::Admin::Service {
 public:
  FakeAdmin() {
    add_relay("ap-1", "ap-east", false);
    add_relay("eu-1", "eu-west", true);
    add_relay("us-1", "us-east", true);
    note("start", "service", "");
  }

  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

  Status WhoAmI(ServerContext* call, const v1::WhoAmIRequest*, v1::Operator* reply) override {
    v1::Role role = v1::ROLE_VIEWER;
    if (Status bad = caller(call, v1::ROLE_VIEWER, &role); !bad.ok()) return bad;
    const std::lock_guard lock(mutex_);
    reply->set_name(fmt::format("ann{}", static_cast<int>(role)));
    reply->set_role(role);
    reply->set_service("9.9.9");
    reply->set_revision(revision_);
    return Status::OK;
  }

  Status Apply(ServerContext* call,
               const v1::ApplyRequest* request,
               v1::ApplyReply* reply) override {
    if (Status bad = caller(call, v1::ROLE_OPERATOR); !bad.ok()) return bad;
    const std::lock_guard lock(mutex_);
    Contents next = contents_;
    for (const auto& resource : request->resources()) {
      next[{kind_of(resource), resource.name()}].resource = resource;
    }
    for (const auto& reference : request->removes()) {
      next.erase({reference.kind(), reference.name()});
    }
    if (request->has_expected_revision() && request->expected_revision() != revision_) {
      return {StatusCode::ABORTED,
              fmt::format("it is at revision {}, not {}", revision_, request->expected_revision())};
    }
    commit(next, request->dry_run(), request->comment(), reply);
    return Status::OK;
  }

  Status Get(ServerContext* call, const v1::GetRequest* request, v1::GetReply* reply) override {
    if (Status bad = caller(call, v1::ROLE_VIEWER); !bad.ok()) return bad;
    const std::lock_guard lock(mutex_);
    const Contents* from = &contents_;
    if (request->has_revision()) {
      const auto old = past_.find(request->revision());
      if (old == past_.end()) return {StatusCode::NOT_FOUND, "there is no such revision"};
      from = &old->second;
    }
    reply->set_revision(revision_);
    for (const auto& [key, stored] : *from) {
      if (!request->kind().empty() && request->kind() != key.first) continue;
      if (!request->name().empty() && request->name() != key.second) continue;
      auto* out = reply->add_resources();
      *out->mutable_resource() = stored.resource;
      if (stored.resource.has_key_pool()) {
        for (auto& secret : *out->mutable_resource()->mutable_key_pool()->mutable_keys()) {
          secret.set_value(mask(secret.value()));
        }
      }
      out->set_revision(stored.revision);
      *out->mutable_changed() = at(static_cast<int64_t>(stored.revision));
      out->set_changed_by("ann");
    }
    if (!request->name().empty() && reply->resources_size() == 0) {
      return {StatusCode::NOT_FOUND, "there is no " + request->kind() + " " + request->name()};
    }
    return Status::OK;
  }

  Status History(ServerContext* call,
                 const v1::HistoryRequest* request,
                 v1::HistoryReply* reply) override {
    if (Status bad = caller(call, v1::ROLE_VIEWER); !bad.ok()) return bad;
    const std::lock_guard lock(mutex_);
    for (auto each = history_.rbegin(); each != history_.rend(); ++each) {
      if (request->limit() > 0 && reply->revisions_size() == static_cast<int>(request->limit())) {
        break;
      }
      *reply->add_revisions() = *each;
    }
    return Status::OK;
  }

  Status Rollback(ServerContext* call,
                  const v1::RollbackRequest* request,
                  v1::ApplyReply* reply) override {
    if (Status bad = caller(call, v1::ROLE_OPERATOR); !bad.ok()) return bad;
    const std::lock_guard lock(mutex_);
    const auto old = past_.find(request->revision());
    if (old == past_.end()) return {StatusCode::NOT_FOUND, "there is no such revision"};
    commit(old->second, request->dry_run(), request->comment(), reply);
    return Status::OK;
  }

  Status Watch(ServerContext* call,
               const v1::WatchRequest* request,
               grpc::ServerWriter<v1::Revision>* out) override {
    if (Status bad = caller(call, v1::ROLE_VIEWER); !bad.ok()) return bad;
    uint64_t seen = request->after_revision();
    for (;;) {
      v1::Revision next;
      {
        std::unique_lock lock(mutex_);
        if (!wait(call, &lock, [&] { return revision_ > seen; })) return Status::OK;
        next = history_[seen];
      }
      seen = next.number();
      if (!out->Write(next)) return Status::OK;
    }
  }

  Status ListRelays(ServerContext* call,
                    const v1::ListRelaysRequest* request,
                    v1::ListRelaysReply* reply) override {
    if (Status bad = caller(call, v1::ROLE_VIEWER); !bad.ok()) return bad;
    const std::lock_guard lock(mutex_);
    return fill(request->name(), reply);
  }

  Status WatchRelays(ServerContext* call,
                     const v1::WatchRelaysRequest*,
                     grpc::ServerWriter<v1::ListRelaysReply>* out) override {
    if (Status bad = caller(call, v1::ROLE_VIEWER); !bad.ok()) return bad;
    for (;;) {
      v1::ListRelaysReply reply;
      {
        std::unique_lock lock(mutex_);
        if (Status bad = fill("", &reply); !bad.ok()) return bad;
        move_on();
      }
      if (!out->Write(reply)) return Status::OK;
      std::unique_lock lock(mutex_);
      const uint64_t known = moves_;
      const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
      changed_.wait_until(lock, soon, [&] { return stopped_ || moves_ != known; });
      if (stopped_ || call->IsCancelled()) return Status::OK;
    }
  }

  Status DrainRelay(ServerContext* call,
                    const v1::DrainRelayRequest* request,
                    v1::RelayStatus* reply) override {
    if (Status bad = caller(call, v1::ROLE_OPERATOR); !bad.ok()) return bad;
    const std::lock_guard lock(mutex_);
    const auto found = relays_.find(request->name());
    if (found == relays_.end()) return no_relay(request->name());
    found->second.set_drain(request->drain());
    *reply = found->second;
    return Status::OK;
  }

  Status RemoveRelay(ServerContext* call,
                     const v1::RemoveRelayRequest* request,
                     v1::RemoveRelayReply*) override {
    if (Status bad = caller(call, v1::ROLE_ADMIN); !bad.ok()) return bad;
    const std::lock_guard lock(mutex_);
    if (relays_.erase(request->name()) == 0) return no_relay(request->name());
    return Status::OK;
  }

  Status CreateJoinToken(ServerContext* call,
                         const v1::CreateJoinTokenRequest* request,
                         v1::CreateJoinTokenReply* reply) override {
    if (Status bad = caller(call, v1::ROLE_ADMIN); !bad.ok()) return bad;
    std::string labels;
    for (const auto& [name, value] : request->labels()) labels += "." + name + "-" + value;
    reply->set_token("join." + request->region() + labels + "." + request->name());
    *reply->mutable_expires() = at(request->ttl().seconds());
    return Status::OK;
  }

  Status ListKeys(ServerContext* call,
                  const v1::ListKeysRequest* request,
                  v1::ListKeysReply* reply) override {
    if (Status bad = caller(call, v1::ROLE_VIEWER); !bad.ok()) return bad;
    std::unique_lock lock(mutex_);
    if (request->pool() == "slow") {
      wait(call, &lock, [] { return false; });
      return {StatusCode::CANCELLED, ""};
    }
    for (const auto& [key, stored] : contents_) {
      if (key.first != "KeyPool") continue;
      if (!request->pool().empty() && request->pool() != key.second) continue;
      for (const auto& secret : stored.resource.key_pool().keys()) {
        auto* out = reply->add_keys();
        out->set_pool(key.second);
        out->set_upstream(stored.resource.key_pool().upstream());
        out->set_id(id_of(secret.value()));
        out->set_key(mask(secret.value()));
        for (const auto& id : stored.resource.key_pool().disabled()) {
          if (id == out->id()) out->set_disabled(true);
        }
        (*out->mutable_states())["eu-1"] = "ready";
        (*out->mutable_states())["us-1"] = "resting";
      }
    }
    return Status::OK;
  }

  Status AddKey(ServerContext* call,
                const v1::AddKeyRequest* request,
                v1::ApplyReply* reply) override {
    if (Status bad = caller(call, v1::ROLE_OPERATOR); !bad.ok()) return bad;
    const std::lock_guard lock(mutex_);
    Contents next = contents_;
    const auto found = next.find({"KeyPool", request->pool()});
    if (found == next.end()) return {StatusCode::NOT_FOUND, "there is no pool " + request->pool()};
    found->second.resource.mutable_key_pool()->add_keys()->set_value(request->key());
    commit(next, false, "", reply);
    return Status::OK;
  }

  Status SetKey(ServerContext* call,
                const v1::SetKeyRequest* request,
                v1::ApplyReply* reply) override {
    if (Status bad = caller(call, v1::ROLE_OPERATOR); !bad.ok()) return bad;
    const std::lock_guard lock(mutex_);
    Contents next = contents_;
    for (auto& [key, stored] : next) {
      if (key.first != "KeyPool") continue;
      auto* pool = stored.resource.mutable_key_pool();
      for (const auto& secret : pool->keys()) {
        const std::string id = id_of(secret.value());
        if (id.compare(0, request->key().size(), request->key()) != 0) continue;
        pool->clear_disabled();
        if (request->disabled()) pool->add_disabled(id);
        commit(next, false, "", reply);
        return Status::OK;
      }
    }
    return {StatusCode::NOT_FOUND, "there is no key " + request->key()};
  }

  Status CreateToken(ServerContext* call,
                     const v1::CreateTokenRequest* request,
                     v1::CreateTokenReply* reply) override {
    if (Status bad = caller(call, v1::ROLE_ADMIN); !bad.ok()) return bad;
    const std::lock_guard lock(mutex_);
    v1::Token token;
    token.set_id(fmt::format("t{}", tokens_.size() + 1));
    token.set_name(request->name());
    if (request->has_tenant())
      token.set_tenant(request->tenant());
    else
      token.set_operator_role(request->operator_role());
    *token.mutable_created() = at(0);
    token.set_created_by("ann");
    if (request->has_ttl()) *token.mutable_expires() = at(request->ttl().seconds());
    tokens_.push_back(token);
    *reply->mutable_token() = token;
    reply->set_secret("secret-of-" + token.id());
    return Status::OK;
  }

  Status RevokeToken(ServerContext* call,
                     const v1::RevokeTokenRequest* request,
                     v1::Token* reply) override {
    if (Status bad = caller(call, v1::ROLE_ADMIN); !bad.ok()) return bad;
    const std::lock_guard lock(mutex_);
    for (auto& token : tokens_) {
      if (token.id() != request->id()) continue;
      *token.mutable_revoked() = at(60);
      *reply = token;
      return Status::OK;
    }
    return {StatusCode::NOT_FOUND, "there is no token " + request->id()};
  }

  Status ListTokens(ServerContext* call,
                    const v1::ListTokensRequest* request,
                    v1::ListTokensReply* reply) override {
    if (Status bad = caller(call, v1::ROLE_ADMIN); !bad.ok()) return bad;
    const std::lock_guard lock(mutex_);
    for (const auto& token : tokens_) {
      if (request->with_revoked() || !token.has_revoked()) *reply->add_tokens() = token;
    }
    return Status::OK;
  }

  // Two rows; the second tells the span that was asked for, in seconds, as its requests.
  Status Usage(ServerContext* call,
               const v1::UsageRequest* request,
               v1::UsageReply* reply) override {
    if (Status bad = caller(call, v1::ROLE_VIEWER); !bad.ok()) return bad;
    for (int i = 1; i <= 2; ++i) {
      auto* row = reply->add_rows();
      for (const auto& group : request->group_by()) {
        (*row->mutable_group())[group] = fmt::format("{}-{}", group, i);
      }
      row->set_input_tokens(1'234'567);
      row->set_output_tokens(1000);
      row->set_bytes_out(5 << 20);
      row->set_total_ms(90'000);
    }
    reply->mutable_rows(0)->set_requests(1);
    reply->mutable_rows(1)->set_requests(
        static_cast<uint64_t>(request->until().seconds() - request->from().seconds()));
    reply->set_lost(request->tenant() == "lossy" ? 3 : 0);
    return Status::OK;
  }

  Status Audit(ServerContext* call,
               const v1::AuditRequest* request,
               grpc::ServerWriter<v1::AuditEntry>* out) override {
    if (Status bad = caller(call, v1::ROLE_VIEWER); !bad.ok()) return bad;
    for (size_t next = 0;; ++next) {
      v1::AuditEntry entry;
      {
        std::unique_lock lock(mutex_);
        if (next >= audit_.size() && !request->follow()) return Status::OK;
        if (!wait(call, &lock, [&] { return next < audit_.size(); })) return Status::OK;
        entry = audit_[next];
      }
      if (!out->Write(entry)) return Status::OK;
    }
  }

  Status Backup(ServerContext* call,
                const v1::BackupRequest*,
                grpc::ServerWriter<v1::Chunk>* out) override {
    if (Status bad = caller(call, v1::ROLE_ADMIN); !bad.ok()) return bad;
    v1::Chunk chunk;
    for (const char* piece : {"culvert-backup\n", "part two\n"}) {
      chunk.set_data(piece);
      out->Write(chunk);
    }
    return Status::OK;
  }

  Status Restore(ServerContext* call,
                 grpc::ServerReader<v1::Chunk>* in,
                 v1::RestoreReply* reply) override {
    if (Status bad = caller(call, v1::ROLE_ADMIN); !bad.ok()) return bad;
    std::string text;
    for (v1::Chunk chunk; in->Read(&chunk);) text += chunk.data();
    if (text != "culvert-backup\npart two\n") {
      return {StatusCode::FAILED_PRECONDITION, "the file is no backup of culvert-control"};
    }
    reply->set_revision(77);
    return Status::OK;
  }

 private:
  Status caller(ServerContext* call, v1::Role least, v1::Role* role = nullptr) {
    const auto found = call->client_metadata().find("authorization");
    const std::string token = found == call->client_metadata().end()
                                  ? std::string()
                                  : std::string(found->second.data(), found->second.size());
    static const std::map<std::string, v1::Role> kRoles = {
        {"Bearer viewer-token-of-the-fake", v1::ROLE_VIEWER},
        {"Bearer operator-token-of-the-fake", v1::ROLE_OPERATOR},
        {"Bearer admin-token-of-the-fake", v1::ROLE_ADMIN}};
    if (token == "Bearer expired-token-of-the-fake") {
      return {StatusCode::UNAUTHENTICATED, "it expired"};
    }
    const auto known = kRoles.find(token);
    if (known == kRoles.end()) return {StatusCode::UNAUTHENTICATED, "it is not known"};
    if (role != nullptr) *role = known->second;
    if (known->second >= least) return Status::OK;
    return {StatusCode::PERMISSION_DENIED, "it needs a higher role"};
  }

  static Status no_relay(const std::string& name) {
    return {StatusCode::NOT_FOUND, "there is no relay " + name};
  }

  template <class Condition>
  bool wait(ServerContext* call, std::unique_lock<std::mutex>* lock, Condition condition) {
    while (!stopped_ && !call->IsCancelled()) {
      if (condition()) return true;
      changed_.wait_for(*lock, std::chrono::milliseconds(20));
    }
    return false;
  }

  void note(const std::string& action, const std::string& subject, const std::string& detail) {
    v1::AuditEntry entry;
    *entry.mutable_time() = at(static_cast<int64_t>(audit_.size()));
    entry.set_by("ann");
    entry.set_action(action);
    entry.set_subject(subject);
    entry.set_detail(detail);
    entry.set_address("127.0.0.1");
    audit_.push_back(entry);
    changed_.notify_all();
  }

  void find_faults(const Contents& next, v1::ApplyReply* reply) {
    for (const auto& [key, stored] : next) {
      for (int i = 0; i < stored.resource.route().to_size(); ++i) {
        const std::string& upstream = stored.resource.route().to(i).upstream();
        if (next.count({"Upstream", upstream}) > 0) continue;
        auto* finding = reply->add_findings();
        finding->set_kind("Route");
        finding->set_name(key.second);
        finding->set_path(fmt::format("to[{}].upstream", i));
        finding->set_message("there is no upstream \"" + upstream + "\"");
      }
    }
  }

  void add_change(const Key& key,
                  const v1::Resource* before,
                  const v1::Resource* after,
                  v1::ApplyReply* reply) {
    auto* change = reply->add_changes();
    change->set_kind(key.first);
    change->set_name(key.second);
    if (before != nullptr) change->set_before(yaml_of(*before));
    if (after != nullptr) change->set_after(yaml_of(*after));
    const bool same = before != nullptr && after != nullptr &&
                      before->SerializeAsString() == after->SerializeAsString();
    change->set_what(same                ? v1::Change::WHAT_UNCHANGED
                     : before == nullptr ? v1::Change::WHAT_CREATED
                     : after == nullptr  ? v1::Change::WHAT_DELETED
                                         : v1::Change::WHAT_CHANGED);
  }

  void commit(Contents next, bool dry_run, const std::string& comment, v1::ApplyReply* reply) {
    reply->set_revision(revision_);
    find_faults(next, reply);
    if (reply->findings_size() > 0) return;
    bool different = false;
    for (auto& [key, stored] : next) {
      const auto old = contents_.find(key);
      add_change(key, old == contents_.end() ? nullptr : &old->second.resource, &stored.resource,
                 reply);
      const bool same =
          reply->changes(reply->changes_size() - 1).what() == v1::Change::WHAT_UNCHANGED;
      if (!same) stored.revision = revision_ + 1;
      different = different || !same;
    }
    for (const auto& [key, stored] : contents_) {
      if (next.count(key) > 0) continue;
      add_change(key, &stored.resource, nullptr, reply);
      different = true;
    }
    if (dry_run || !different) return;
    contents_ = std::move(next);
    reply->set_revision(++revision_);
    past_[revision_] = contents_;
    v1::Revision entry;
    entry.set_number(revision_);
    *entry.mutable_time() = at(static_cast<int64_t>(revision_));
    entry.set_by("ann");
    entry.set_comment(comment);
    for (const auto& change : reply->changes()) {
      if (change.what() == v1::Change::WHAT_UNCHANGED) continue;
      *entry.add_changes() = change;
      entry.mutable_changes(entry.changes_size() - 1)->clear_before();
      entry.mutable_changes(entry.changes_size() - 1)->clear_after();
    }
    history_.push_back(entry);
    for (auto& [name, relay] : relays_) relay.set_desired_hash(fmt::format("hash{}", revision_));
    ++moves_;
    note("apply", fmt::format("revision {}", revision_), comment);
  }

  void add_relay(const std::string& name, const std::string& region, bool connected) {
    v1::RelayStatus& relay = relays_[name];
    relay.set_name(name);
    relay.set_region(region);
    relay.set_version("0.1.0");
    relay.set_connected(connected);
    relay.set_address("192.0.2.7");
    relay.set_desired_hash("hash0");
    relay.set_running_hash("hash0");
    *relay.mutable_last_seen() = at(0);
    *relay.mutable_joined() = at(0);
    if (!connected) return;
    relay.mutable_state()->add_listening("https://0.0.0.0:8443");
    v1::Rates* rates = relay.mutable_rates();
    rates->set_requests_per_second(name == "us-1" ? 250 : 12.5);
    rates->set_errors_per_second(name == "us-1" ? 0 : 0.5);
    rates->set_active_requests(name == "us-1" ? 40 : 7);
    rates->set_first_token_p50_ms(180);
    rates->set_first_token_p95_ms(900);
    rates->set_tokens_per_second(3000);
    rates->set_memory_bytes(48 << 20);
    rates->set_cpu_share(0.25);
  }

  Status fill(const std::string& name, v1::ListRelaysReply* reply) {
    reply->set_revision(revision_);
    for (const auto& [each, relay] : relays_) {
      if (name.empty() || name == each) *reply->add_relays() = relay;
    }
    if (!name.empty() && reply->relays_size() == 0) return no_relay(name);
    return Status::OK;
  }

  // Connected relays take what they are told, but for a route named `refused` on eu-1.
  void move_on() {
    const bool bad = contents_.count({"Route", "refused"}) > 0;
    for (auto& [name, relay] : relays_) {
      if (!relay.connected()) continue;
      relay.clear_refusals();
      relay.set_running_revision(revision_);
      if (bad && name == "eu-1") {
        auto* refusal = relay.add_refusals();
        refusal->set_kind("Route");
        refusal->set_name("refused");
        refusal->set_message("the path is\x1b[31m taken");
      } else {
        relay.set_running_hash(relay.desired_hash());
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  uint64_t revision_ = 0;
  uint64_t moves_ = 0;
  Contents contents_;
  std::map<uint64_t, Contents> past_;
  std::vector<v1::Revision> history_;
  std::map<std::string, v1::RelayStatus> relays_;
  std::vector<v1::Token> tokens_;
  std::vector<v1::AuditEntry> audit_;
};

std::string text_of(const char* path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

int serve(const char* certificate, const char* key, int wanted) {
  FakeAdmin service;
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back({text_of(key), text_of(certificate)});
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(fmt::format("127.0.0.1:{}", wanted), grpc::SslServerCredentials(options),
                           &port);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  if (server == nullptr || port == 0) return 1;
  fmt::print("listening {}\n", port);
  std::fflush(stdout);
  while (std::fgetc(stdin) != EOF) {
  }
  service.stop();
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(2));
  return 0;
}

}  // namespace
}  // namespace culvert::test

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  return culvert::test::serve(argv[1], argv[2], argc > 3 ? std::atoi(argv[3]) : 0);
}
