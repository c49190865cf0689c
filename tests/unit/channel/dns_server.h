// A name server for tests: UDP on a loopback port, on the test's own loop, with a table of answers.
// Speaks only what the resolver asks (RFC 1035: one question of class IN, type A or AAAA).
#pragma once

#include "relay/base/text.h"
#include "relay/channel/poll.h"
#include "tests/fakes/cpp/sockets.h"

#include <map>
#include <string>
#include <vector>

namespace culvert::test {

struct DnsAnswer {
  std::vector<std::string> v4 = {};
  std::vector<std::string> v6 = {};
  uint32_t ttl = 60;
  int rcode = 0;      // 2 SERVFAIL, 3 NXDOMAIN
  std::string cname = {};  // the addresses are of this name
  bool silent = false;
};

class DnsServer final : private PollSink {
 public:
  explicit DnsServer(Loop& loop)
      : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
        poll_(loop, fd_.get(), *this) {
    sockaddr_storage storage{};
    const socklen_t size = loopback().address.to_sockaddr(0, &storage);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&storage), size), 0);
    poll_.watch(Poll::kRead);
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_of(fd_.get())); }

  std::map<std::string, DnsAnswer> table;  // names that are not in it do not exist
  std::map<std::string, int> asked;        // questions by name, both types together

 private:
  static constexpr uint16_t kA = 1;
  static constexpr uint16_t kCname = 5;
  static constexpr uint16_t kAaaa = 28;

  static void put16(std::string* out, unsigned value) {
    *out += static_cast<char>(value >> 8 & 0xFFU);
    *out += static_cast<char>(value & 0xFFU);
  }

  static std::string encoded(const std::string& name) {
    std::string out;
    for (const auto label : split_list(name, '.')) {
      out += static_cast<char>(label.size());
      out += label;
    }
    return out + '\0';
  }

  static void record(std::string* out,
                     const std::string& name,
                     uint16_t type,
                     uint32_t ttl,
                     const std::string& data) {
    *out += encoded(name);
    put16(out, type);
    put16(out, 1);
    put16(out, ttl >> 16);
    put16(out, ttl & 0xFFFFU);
    put16(out, static_cast<unsigned>(data.size()));
    *out += data;
  }

  void on_ready(Ready /*ready*/) override {
    char bytes[1500];
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const ssize_t got =
        ::recvfrom(fd_.get(), bytes, sizeof bytes, 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 17) return;
    const std::string reply = answer(std::string(bytes, static_cast<size_t>(got)));
    if (reply.empty()) return;
    ::sendto(fd_.get(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
  }
  void on_out_of_memory() override {}

  std::string answer(const std::string& query) {
    std::string name;
    size_t at = 12;
    while (at < query.size() && query[at] != 0) {
      const size_t length = static_cast<unsigned char>(query[at]);
      if (!name.empty()) name += '.';
      name += query.substr(at + 1, length);
      at += length + 1;
    }
    const auto type = static_cast<uint16_t>(static_cast<unsigned char>(query[at + 2]));
    const std::string question = query.substr(12, at + 5 - 12);
    name = lower(name);
    ++asked[name];
    DnsAnswer known{.rcode = 3};
    if (const auto found = table.find(name); found != table.end()) known = found->second;
    if (known.silent) return {};
    std::string records;
    unsigned count = 0;
    std::string owner = name;
    if (known.rcode == 0 && !known.cname.empty()) {
      record(&records, name, kCname, known.ttl, encoded(known.cname));
      owner = known.cname;
      ++count;
    }
    const auto& addresses = type == kA ? known.v4 : known.v6;
    for (const std::string& text : addresses) {
      if (known.rcode != 0 || (type != kA && type != kAaaa)) break;
      char raw[16];
      inet_pton(type == kA ? AF_INET : AF_INET6, text.c_str(), raw);
      record(&records, owner, type, known.ttl, std::string(raw, type == kA ? 4 : 16));
      ++count;
    }
    std::string reply = query.substr(0, 2);
    put16(&reply, 0x8180U | static_cast<unsigned>(known.rcode));
    put16(&reply, 1);
    put16(&reply, count);
    put16(&reply, 0);
    put16(&reply, 0);
    return reply + question + records;
  }

  Fd fd_;
  Poll poll_;
};

}  // namespace culvert::test
