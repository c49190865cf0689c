// What the command line of bench_load says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace culvert::bench {

struct Options {
  std::string mode;
  std::string to;  // host:port
  bool tls = false;
  std::string ca;
  std::string groups;
  std::string name = "localhost";  // in the certificate and in Host
  uint64_t connections = 1;
  double seconds = 1;
  double warmup = 0;
  double timeout = 30;
  bool tolerate = false;
  // the request
  std::string method = "POST";
  std::string path = "/v1/chat/completions";
  std::vector<std::string> headers;
  std::string body_file;
  uint64_t body_bytes = 1024;
  bool new_connection = false;
  bool resume = false;
  // sse, open
  double rate = 20;
  uint64_t events = 100;
  uint64_t bytes = 0;  // of an event, a bulk body, a ping; 0: what the mode takes
  std::string direction = "down";
  std::vector<int> pins;  // pingpong: the core of each side

  uint64_t bytes_or(uint64_t usual) const { return bytes == 0 ? usual : bytes; }
};

// false: `status` is what the process ends with; what is wrong was said, or the help was.
bool read_options(int argc, char** argv, Options& options, int& status);

}  // namespace culvert::bench
