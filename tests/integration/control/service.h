// The real culvert-control as a test's child process, in a directory of its own, and operators that
// speak to it over real TLS. Every wait is for a line of its log or for its end, with a hang guard.
#pragma once

#include "culvert/v1/admin.grpc.pb.h"

#include <fcntl.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace culvert::test {

inline std::string control_program() {
  const char* named = ::getenv("CULVERT_CONTROL");
  return named != nullptr ? named : CULVERT_CONTROL_PROGRAM;
}

// A child whose output (both streams) is read until it ends.
class Program {
 public:
  explicit Program(std::vector<std::string> arguments) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    arguments.insert(arguments.begin(), control_program());
    std::vector<char*> raw;
    for (std::string& argument : arguments) raw.push_back(argument.data());
    raw.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::dup2(ends[1], STDERR_FILENO);
      ::execv(raw[0], raw.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    out_ = ends[0];
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    if (pid_ > 0) end(SIGKILL);
    ::close(out_);
  }

  // The output up to the first line that holds `mark`, or all of it where none does.
  std::string read_until(const std::string& mark) {
    while (text_.find(mark) == std::string::npos || text_.back() != '\n') {
      pollfd ready{out_, POLLIN, 0};
      if (::poll(&ready, 1, 60'000) <= 0) break;
      char part[4096];
      const ssize_t got = ::read(out_, part, sizeof part);
      if (got <= 0) break;
      text_.append(part, static_cast<size_t>(got));
    }
    return text_;
  }
  int wait() {
    read_until("\x01");  // never comes: to the end
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  int end(int signal) {
    ::kill(pid_, signal);
    return wait();
  }
  const std::string& text() const { return text_; }

 private:
  pid_t pid_ = -1;
  int out_ = -1;
  std::string text_;
};

inline std::string between(const std::string& text, const std::string& from, char until) {
  const size_t at = text.find(from);
  if (at == std::string::npos) return {};
  return text.substr(at + from.size(), text.find(until, at + from.size()) - at - from.size());
}

// One operator's connection; each call gets a context of its own with a deadline.
class Operator {
 public:
  Operator(const std::string& address, const std::string& ca, std::string token)
      : token_(std::move(token)) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = ca;
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(64 * 1024 * 1024);
    channel_ = grpc::CreateCustomChannel(address, grpc::SslCredentials(options), arguments);
    stub_ = v1::Admin::NewStub(channel_);
  }

  void prepare(grpc::ClientContext* context) const {
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    context->set_wait_for_ready(true);
    if (!token_.empty()) context->AddMetadata("authorization", "Bearer " + token_);
  }
  template <class Call, class Request, class Reply>
  grpc::Status call(const Call& method, const Request& request, Reply* reply) const {
    grpc::ClientContext context;
    prepare(&context);
    return (stub_.get()->*method)(&context, request, reply);
  }
  v1::ApplyReply apply(const v1::ApplyRequest& request) const {
    v1::ApplyReply reply;
    const grpc::Status status = call(&v1::Admin::Stub::Apply, request, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return reply;
  }
  v1::Operator who() const {
    v1::Operator reply;
    const grpc::Status status = call(&v1::Admin::Stub::WhoAmI, v1::WhoAmIRequest(), &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return reply;
  }
  grpc::StatusCode knock() const {
    v1::Operator reply;
    return call(&v1::Admin::Stub::WhoAmI, v1::WhoAmIRequest(), &reply).error_code();
  }
  v1::Admin::Stub& stub() const { return *stub_; }

 private:
  std::string token_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Admin::Stub> stub_;
};

class Service {
 public:
  Service() {
    std::string pattern = testing::TempDir() + "culvert_control_XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    Program init({"init", "--data", data(), "--name", "control.example.com"});
    EXPECT_EQ(init.wait(), 0) << init.text();
    token_ = "cvo_" + between(init.text(), "cvo_", '\n');
    std::ifstream file(data() + "/ca.pem");
    ca_.assign(std::istreambuf_iterator<char>(file), {});
  }
  ~Service() {
    process_.reset();
    std::filesystem::remove_all(root_);
  }

  void start() {
    process_ = std::make_unique<Program>(
        std::vector<std::string>{"--data", data(), "--listen", "127.0.0.1:0"});
    const std::string log = process_->read_until("\"msg\":\"ready\"");
    address_ = between(log, "\"scheme\":\"grpc\",\"address\":\"", '"');
    ASSERT_FALSE(address_.empty()) << log;
  }
  int end(int signal) {
    const int status = process_->end(signal);
    process_.reset();
    return status;
  }

  Operator admin() const { return as(token_); }
  Operator as(const std::string& token) const { return Operator(address_, ca_, token); }
  std::string data() const { return root_ + "/data"; }
  const std::string& token() const { return token_; }
  const std::string& ca() const { return ca_; }
  const std::string& address() const { return address_; }

 private:
  std::string root_;
  std::string token_;
  std::string ca_;
  std::string address_;
  std::unique_ptr<Program> process_;
};

inline v1::Resource route(const std::string& name, const std::string& upstream) {
  v1::Resource resource;
  resource.set_name(name);
  resource.mutable_route()->mutable_match()->set_path_prefix("/" + name);
  resource.mutable_route()->add_to()->set_upstream(upstream);
  return resource;
}

inline v1::ApplyRequest applying(const std::vector<v1::Resource>& resources) {
  v1::ApplyRequest request;
  for (const v1::Resource& resource : resources) *request.add_resources() = resource;
  return request;
}

}  // namespace culvert::test
