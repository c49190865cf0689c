// The server as main sets it up: a client's certificate is asked for and verified, not demanded.
#include "tests/integration/control_link/link.h"

#include "control/fleet/limits.h"
#include "relay/crypto/start.h"

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <algorithm>

namespace culvert::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr auto kDeadline = std::chrono::seconds(30);

control::LinkTimes quick_times() {
  // Short enough that a test sees silence end a stream, long enough for a machine that is busy.
  return {.hello = std::chrono::seconds(5),
          .pulse = milliseconds(200),
          .pulse_death = std::chrono::seconds(3),
          .ack = std::chrono::seconds(20),
          .seen = std::chrono::minutes(1)};
}

}  // namespace

bool eventually(const std::function<bool()>& condition) {
  const Instant end = Clock::system().now() + kDeadline;
  while (!condition()) {
    if (Clock::system().now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

LinkServer::Service::Service(LinkServer& owner)
    : roster(owner.store),
      tokens(owner.store, Clock::system()),
      targets(owner.configuration, roster) {
  EXPECT_TRUE(roster.refresh());
  registry = std::make_unique<control::Registry>(
      control::Registry::Parts{roster, tokens, attendance, targets, switchboard, Clock::system()},
      read_certificate(owner.authority_.certificate)->fingerprint);
  enrolment = std::make_unique<control::Enrolment>(
      control::Enrolment::Parts{owner.store, roster, tokens, owner.audit, Clock::system()},
      owner.authority_, std::vector<std::string>{"localhost", "127.0.0.1"});
  link = std::make_unique<control::LinkService>(
      control::LinkService::Parts{owner.store, owner.configuration, roster, attendance, *enrolment,
                                  targets, key_tests, switchboard, *owner.ledger_, owner.audit,
                                  Clock::system(), quick_times()},
      owner.authority_.certificate);
}

LinkServer::LinkServer() {
  EXPECT_TRUE(start_crypto());
  const WallTime now = Clock::system().wall();
  authority_ = *make_authority("fleet of the test", now - hours(1), now + hours(24));
  server_key_ = make_private_key();
  server_certificate_ = *sign_request(authority_, *make_signing_request(server_key_, "control"),
                                      {.name = "control",
                                       .hosts = {"localhost", "127.0.0.1"},
                                       .from = now - hours(1),
                                       .until = now + hours(24),
                                       .server = true});
  std::string shape = std::filesystem::temp_directory_path() / "culvert-link-XXXXXX";
  folder_ = mkdtemp(shape.data());
  auto ledger = control::SqliteLedger::open(folder_ / "ledger.db", Clock::system());
  EXPECT_TRUE(ledger);
  ledger_ = std::move(*ledger);
  start();
}

LinkServer::~LinkServer() {
  stop();
  std::filesystem::remove_all(folder_);
}

void LinkServer::start() {
  service_ = std::make_unique<Service>(*this);
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = authority_.certificate;
  options.pem_key_cert_pairs.push_back({std::string(server_key_.reveal()), server_certificate_});
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:" + std::to_string(port_),
                           grpc::SslServerCredentials(options), &port_);
  builder.RegisterService(service_->link.get());
  builder.SetMaxReceiveMessageSize(control::limits::kMessageBytes);
  service_->server = builder.BuildAndStart();
  ASSERT_NE(service_->server, nullptr);
}

void LinkServer::stop() {
  if (service_ == nullptr) return;
  service_->link->stop();
  // Without a deadline: what hangs here is a stream that stop() did not end.
  service_->server->Shutdown();
  service_->server.reset();
  service_.reset();
}

void LinkServer::restart() {
  stop();
  start();
}

std::string LinkServer::join_token(const std::string& name) {
  v1::CreateJoinTokenRequest request;
  request.set_region("eu-west");
  request.set_name(name);
  const auto reply = fleet().create_join_token(request, "operator");
  EXPECT_TRUE(reply);
  return reply->token();
}

grpc::Status LinkServer::enroll(const std::string& token, const std::string& name, Identity* out) {
  out->key = make_private_key();
  v1::EnrollRequest request;
  request.set_token(token);
  request.set_name(name);
  request.set_signing_request(*make_signing_request(out->key, "relay"));
  v1::EnrollReply reply;
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  const auto status = v1::RelayLink::NewStub(anonymous())->Enroll(&context, request, &reply);
  out->name = reply.name();
  out->certificate = reply.certificate();
  return status;
}

Identity LinkServer::join(const std::string& name) {
  Identity identity;
  const auto status = enroll(join_token(), name, &identity);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return identity;
}

std::shared_ptr<grpc::Channel> LinkServer::channel(const Identity& identity) const {
  grpc::ChannelArguments arguments;
  // Each channel has connections of its own: gRPC shares them between channels that look alike.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  arguments.SetMaxReceiveMessageSize(control::limits::kMessageBytes);
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = authority_.certificate;
  options.pem_private_key = std::string(identity.key.reveal());
  options.pem_cert_chain = identity.certificate;
  auto made = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port_),
                                        grpc::SslCredentials(options), arguments);
  // A first connection may fail on a busy machine, and gRPC fails a call with it. Where none is to
  // succeed, this is how long it is hoped for.
  made->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(1));
  return made;
}

std::shared_ptr<grpc::Channel> LinkServer::anonymous() const { return channel({}); }

v1::RelayStatus LinkServer::status(const std::string& name) {
  const auto relays = fleet().relays(name);
  return relays ? relays->front() : v1::RelayStatus();
}

bool LinkServer::in_step(const std::string& name) {
  const auto now = status(name);
  return now.connected() && now.running_hash() == now.desired_hash();
}

struct LinkRelay::Stream {
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReaderWriter<v1::SyncUp, v1::SyncDown>> calls;
  std::mutex writing;
  std::thread reader;
  // Under the relay's lock:
  bool welcomed = false;
  bool over = false;
  size_t updates = 0;
  std::optional<bool> drain;
  std::optional<std::string> certificate;
  std::optional<grpc::Status> status;

  void write(const v1::SyncUp& message) {
    const std::lock_guard lock(writing);
    calls->Write(message);
  }
};

LinkRelay::LinkRelay(LinkServer& server, Identity identity)
    : channel_(server.channel(identity)), stub_(v1::RelayLink::NewStub(channel_)) {}

LinkRelay::~LinkRelay() {
  disconnect();
  for (auto& stream : older_) {
    stream->context.TryCancel();
    stream->reader.join();
  }
}

void LinkRelay::connect() {
  if (stream_ != nullptr) older_.push_back(std::move(stream_));
  stream_ = std::make_unique<Stream>();
  Stream& stream = *stream_;
  stream.context.set_wait_for_ready(true);
  stream.calls = stub_->Sync(&stream.context);
  v1::SyncUp up;
  *up.mutable_hello() = hello();
  stream.write(up);
  stream.reader = std::thread([this, &stream] {
    v1::SyncDown message;
    while (stream.calls->Read(&message)) hear(stream, message);
    const auto status = stream.calls->Finish();
    const std::lock_guard lock(mutex_);
    stream.status = status;
    stream.over = true;
  });
}

void LinkRelay::disconnect() {
  if (stream_ == nullptr) return;
  stream_->context.TryCancel();
  stream_->reader.join();
  stream_.reset();
}

grpc::Status LinkRelay::end() {
  EXPECT_TRUE(eventually([this] { return ended(); }));
  if (!ended()) stream_->context.TryCancel();
  stream_->reader.join();
  const auto status = stream_->status.value();
  stream_.reset();
  return status;
}

void LinkRelay::send(const v1::SyncUp& message) { stream_->write(message); }

v1::Hello LinkRelay::hello() {
  const std::lock_guard lock(mutex_);
  v1::Hello hello;
  hello.set_version("0.1.0");
  hello.set_instance("one");
  for (const char* type : {"upstream", "key_pool", "token", "route", "tunnel", "peer"}) {
    if (older && type == std::string("peer")) continue;
    hello.add_types(type);
  }
  hello.mutable_state()->set_peer_address(peer_address);
  for (const auto& [type, items] : held_) {
    v1::Inventory* inventory = hello.add_have();
    inventory->set_type(type);
    for (const auto& [name, spec] : items) {
      v1::ItemHash* item = inventory->add_items();
      item->set_name(name);
      item->set_hash(control::to_bytes(control::item_hash(spec)));
    }
  }
  return hello;
}

void LinkRelay::hear(Stream& stream, const v1::SyncDown& message) {
  if (message.has_update()) return apply(stream, message.update());
  if (message.has_pulse()) {
    v1::SyncUp up;
    *up.mutable_pulse() = message.pulse();
    if (!mute) stream.write(up);
    return;
  }
  const std::lock_guard lock(mutex_);
  if (message.has_welcome()) stream.welcomed = true;
  if (message.has_command()) stream.drain = message.command().drain();
  if (message.kind_case() == v1::SyncDown::kCertificate) stream.certificate = message.certificate();
}

void LinkRelay::apply(Stream& stream, const v1::TypeUpdate& update) {
  v1::SyncUp up;
  {
    const std::lock_guard lock(mutex_);
    ++stream.updates;
    auto& held = held_[update.type()];
    for (const v1::Item& item : update.upserts()) held[item.name()] = item.spec();
    for (const std::string& name : update.removes()) held.erase(name);
    v1::TypeAck& ack = *up.mutable_ack();
    ack.set_type(update.type());
    ack.set_version(update.version());
    ack.set_nonce(update.nonce());
    ack.set_applied_hash(applied_hash(update.type()));
    if (held.count(refuses) > 0) {
      v1::ItemError* error = ack.add_errors();
      error->set_name(refuses);
      error->set_message("this relay cannot");
    }
  }
  if (!update.more() && !mute) stream.write(up);
}

std::string LinkRelay::applied_hash(const std::string& type) {
  control::SetHash hash;
  for (const auto& [name, spec] : held_[type]) {
    if (name != refuses) hash.add(name, control::item_hash(spec));
  }
  return control::to_bytes(hash.finish());
}

bool LinkRelay::welcomed() {
  const std::lock_guard lock(mutex_);
  return stream_->welcomed;
}

size_t LinkRelay::updates() {
  const std::lock_guard lock(mutex_);
  return stream_->updates;
}

bool LinkRelay::holds(const std::string& type, const std::string& name) {
  const std::lock_guard lock(mutex_);
  return held_[type].count(name) > 0;
}

std::optional<v1::RelayPeer> LinkRelay::peer(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = held_["peer"].find(name);
  v1::RelayPeer peer;
  if (found == held_["peer"].end() || !peer.ParseFromString(found->second)) return std::nullopt;
  return peer;
}

std::optional<bool> LinkRelay::told_to_drain() {
  const std::lock_guard lock(mutex_);
  return stream_->drain;
}

std::optional<std::string> LinkRelay::certificate() {
  const std::lock_guard lock(mutex_);
  return stream_->certificate;
}

bool LinkRelay::ended() {
  const std::lock_guard lock(mutex_);
  return stream_->over;
}

}  // namespace culvert::test
