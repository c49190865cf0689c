// A control service that does what a test says: a real gRPC server with real TLS, its fleet one
// relay. Reads one command a line from standard input, writes one JSON object a line to standard
// output: what the relay sent. Arguments: FOLDER PORT; the folder holds its authority
// from one start to the next.
//   put TYPE VERSION [NAME HEX]…: items, serialized (- for none)     del TYPE VERSION [NAME]…
//   raw TYPE VERSION: an empty update     drain 0/1     life SECONDS: of certificates from now on
#include "culvert/v1/link.grpc.pb.h"
#include "relay/base/json_writer.h"
#include "relay/crypto/certificates.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <fstream>
#include <iostream>
#include <mutex>
#include <set>
#include <sstream>
#include <string>

namespace culvert::test {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string hex(const std::string& bytes) {
  static constexpr const char* kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[c & 15];
  }
  return out;
}

std::string from_hex(const std::string& text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string out;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    out += static_cast<char>(digit(text[i]) * 16 + digit(text[i + 1]));
  }
  return out;
}

class Service final : public v1::RelayLink::Service {
 public:
  explicit Service(Authority authority) : authority_(std::move(authority)) {}

  grpc::Status Enroll(grpc::ServerContext*,
                      const v1::EnrollRequest* request,
                      v1::EnrollReply* reply) override {
    if (!tokens_.insert(request->token()).second) {
      return {grpc::StatusCode::PERMISSION_DENIED, "used"};
    }
    reply->set_name("relay-1");
    reply->set_region("eu-1");
    reply->set_certificate(sign(request->signing_request()));
    reply->set_authority(authority_.certificate);
    return grpc::Status::OK;
  }

  grpc::Status Sync(grpc::ServerContext*,
                    grpc::ServerReaderWriter<v1::SyncDown, v1::SyncUp>* stream) override {
    v1::SyncUp up;
    if (!stream->Read(&up)) return grpc::Status::OK;
    JsonWriter hello;
    hello.begin_object().field("said", "hello");
    uint64_t items = 0;
    for (const auto& have : up.hello().have()) items += static_cast<uint64_t>(have.items_size());
    hello.field("items", items).field("from_cache", up.hello().state().from_cache()).end_object();
    say(hello.take());
    v1::SyncDown welcome;
    welcome.mutable_welcome()->set_relay("relay-1");
    welcome.mutable_welcome()->set_service("test");
    stream->Write(welcome);
    {
      const std::lock_guard lock(mutex_);
      stream_ = stream;
    }
    while (stream->Read(&up)) hear(up, stream);
    const std::lock_guard lock(mutex_);
    if (stream_ == stream) stream_ = nullptr;
    return grpc::Status::OK;
  }

  grpc::Status Metrics(grpc::ServerContext*,
                       grpc::ServerReader<v1::MetricsReport>* reader,
                       v1::MetricsDone*) override {
    v1::MetricsReport report;
    while (reader->Read(&report)) {
      JsonWriter json;
      json.begin_object().field("said", "metrics").field("requests", report.requests());
      json.field("memory", report.memory_bytes()).end_object();
      say(json.take());
    }
    return grpc::Status::OK;
  }

  void send(const v1::SyncDown& message) {
    const std::lock_guard lock(mutex_);
    if (stream_ != nullptr) stream_->Write(message);
  }
  void set_life(int seconds) { life_seconds_ = seconds; }

  std::string sign(const std::string& request) {
    const WallTime now = Clock::system().wall();
    auto made = sign_request(authority_, request,
                             {.name = "relay-1",
                              .hosts = {"relay-1"},
                              .from = now - std::chrono::seconds(1),
                              .until = now + std::chrono::seconds(life_seconds_.load()),
                              .server = true});
    return made ? *made : std::string();
  }

 private:
  void hear(const v1::SyncUp& up, grpc::ServerReaderWriter<v1::SyncDown, v1::SyncUp>* stream) {
    JsonWriter json;
    json.begin_object();
    if (up.has_ack()) {
      json.field("said", "ack").field("type", up.ack().type()).field("nonce", up.ack().nonce());
      json.field("unknown", up.ack().unknown_type()).field("hash", hex(up.ack().applied_hash()));
      json.key("errors").begin_array();
      for (const auto& error : up.ack().errors()) json.value(error.name() + ": " + error.message());
      json.end_array();
    } else if (up.has_state()) {
      json.field("said", "state").field("phase", v1::RelayState::Phase_Name(up.state().phase()));
    } else if (!up.signing_request().empty()) {
      json.field("said", "renew");
      v1::SyncDown down;
      down.set_certificate(sign(up.signing_request()));
      const std::lock_guard lock(mutex_);
      stream->Write(down);
    } else {
      json.field("said", "other");
    }
    json.end_object();
    say(json.take());
  }

  void say(const std::string& line) {
    const std::lock_guard lock(output_);
    std::cout << line << std::endl;
  }

  Authority authority_;
  std::atomic<int> life_seconds_{3600};
  std::set<std::string> tokens_;
  std::mutex mutex_;
  grpc::ServerReaderWriter<v1::SyncDown, v1::SyncUp>* stream_ = nullptr;
  std::mutex output_;
};

Authority authority_in(const std::string& folder) {
  Authority authority{read_file(folder + "/ca.pem"), Secret(read_file(folder + "/ca.key"))};
  if (!authority.certificate.empty()) return authority;
  const WallTime now = Clock::system().wall();
  authority =
      *make_authority("test authority", now - std::chrono::hours(1), now + std::chrono::hours(24));
  std::ofstream(folder + "/ca.pem") << authority.certificate;
  std::ofstream(folder + "/ca.key") << authority.key.reveal();
  return authority;
}

void obey(const std::string& line, Service* service) {
  std::istringstream in(line);
  std::string verb;
  std::string type;
  uint64_t version = 0;
  in >> verb;
  v1::SyncDown message;
  if (verb == "drain") {
    int drain = 0;
    in >> drain;
    message.mutable_command()->set_drain(drain != 0);
    return service->send(message);
  }
  if (verb == "life") {
    int seconds = 0;
    in >> seconds;
    return service->set_life(seconds);
  }
  in >> type >> version;
  v1::TypeUpdate* update = message.mutable_update();
  update->set_type(type);
  update->set_version(version);
  update->set_nonce("n" + std::to_string(version));
  std::string name;
  std::string spec;
  while (verb == "put" && in >> name >> spec) {
    v1::Item* item = update->add_upserts();
    item->set_name(name);
    item->set_spec(from_hex(spec == "-" ? "" : spec));
  }
  while (verb == "del" && in >> name) update->add_removes(name);
  service->send(message);
}

int serve(const std::string& folder, const std::string& port) {
  Authority authority = authority_in(folder);
  const WallTime now = Clock::system().wall();
  const Secret key = make_private_key();
  const auto own = sign_request(authority, *make_signing_request(key, "control"),
                                {.name = "control",
                                 .hosts = {"127.0.0.1", "localhost"},
                                 .from = now - std::chrono::hours(1),
                                 .until = now + std::chrono::hours(1),
                                 .server = true});
  Service service(authority);
  grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = authority.certificate;
  tls.pem_key_cert_pairs.push_back({std::string(key.reveal()), *own + authority.certificate});
  int bound = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:" + port, grpc::SslServerCredentials(tls), &bound);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10000);
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  if (server == nullptr || bound == 0) return 1;
  JsonWriter ready;
  ready.begin_object().field("said", "ready").field("port", static_cast<int64_t>(bound));
  ready.field("fingerprint", read_certificate(authority.certificate)->fingerprint).end_object();
  std::cout << ready.take() << std::endl;
  for (std::string line; std::getline(std::cin, line);) obey(line, &service);
  server->Shutdown(Clock::system().wall());
  return 0;
}

}  // namespace
}  // namespace culvert::test

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  return culvert::test::serve(argv[1], argv[2]);
}
