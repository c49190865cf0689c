// One connection of a client at the upstream: reads requests, one after the other, and answers
// them. Lives in the server's pool for ever and is opened again for another client.
#pragma once

#include "tests/bench/load/answers.h"
#include "tests/bench/load/body.h"
#include "tests/bench/load/poller.h"
#include "tests/bench/load/schedule.h"
#include "tests/bench/load/wire.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace culvert::bench {

struct Counts {
  uint64_t connections = 0, handshakes = 0, resumed = 0, tls_failed = 0;
  uint64_t requests = 0, broken = 0, body_bytes = 0;
  uint64_t streams = 0, streams_left = 0, events = 0;  // left: by the client, before the end

  std::string json() const;
};

// What all connections of a server have together.
struct Serving {
  Poller poller;
  Schedule schedule;
  Answers answers;
  Counts counts;
  std::array<char, 65536> buffer{};  // of the read that is under way
  std::vector<ServedConnection*> free;
};

class ServedConnection final : public Polled {
 public:
  explicit ServedConnection(Serving& serving) : serving_(serving) {}

  void open(Descriptor fd, SSL_CTX* context);  // nullptr: plain
  void on_events(uint32_t events) override;
  // The schedule's entry with this serial number is due.
  void on_due(uint64_t serial);

 private:
  enum class Stage { kClosed, kHandshake, kHead, kBody, kAnswer, kStream };

  bool handshaken();
  void read_all();
  void take_all(std::string_view in);
  bool take_request(std::string_view& in);
  bool begin_request(const Head& head);
  void take_body(std::string_view piece);
  void answer();
  void begin_stream();
  void write(std::string_view bytes);
  void flush();
  bool put(std::string_view& bytes);
  void answer_sent();
  void watch(uint32_t events);
  void fail();
  void close();

  Serving& serving_;
  Wire wire_;
  Stage stage_ = Stage::kClosed;
  uint32_t watched_ = 0;
  uint64_t serial_ = 0;  // of this client and of its stream
  HeadCollector collector_;
  BodyReader body_;
  bool close_after_ = false;
  std::string path_, header_, beginning_;  // of the request, while its body is read
  std::string out_;                        // what could not be written yet
  size_t out_at_ = 0;
  uint64_t filler_left_ = 0;  // bytes of bulk behind out_
  Spec spec_;
  uint64_t event_ = 0;
  int64_t due_ns_ = 0;
};

}  // namespace culvert::bench
