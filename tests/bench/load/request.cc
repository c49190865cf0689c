// Bodies look like requests for a chat, so that what reads them finds a model and messages.
#include "tests/bench/load/request.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

namespace culvert::bench {
namespace {

constexpr uint64_t kBulkBytes = 100U << 20;
constexpr uint64_t kEventBytes = 150;

// Text up to the size that is wanted, with words for whoever counts them.
std::string chat_body(std::string_view members, uint64_t size) {
  std::string body =
      fmt::format(R"({{"model":"bench-1",{}"messages":[{{"role":"user","content":")", members);
  constexpr std::string_view kEnd = R"("}]})";
  while (body.size() + kEnd.size() < size) {
    body += body.size() % 8 == 0 ? ' ' : static_cast<char>('a' + body.size() % 26);
  }
  return body.append(kEnd);
}

std::string body_of(const Options& options) {
  if (options.mode == "sse") {
    return chat_body(
        fmt::format(R"("stream":true,"stream_options":{{"include_usage":true}},)"
                    R"("bench":"sse,rate={},events={},bytes={}",)",
                    options.rate, options.events, options.bytes_or(kEventBytes)),
        options.body_bytes);
  }
  if (options.mode == "bulk") {
    return chat_body(fmt::format(R"("bench":"bulk,bytes={}",)", options.bytes_or(kBulkBytes)), 0);
  }
  return chat_body("", options.body_bytes);
}

bool names(const std::string& header, std::string_view name) {
  return header.size() > name.size() && header[name.size()] == ':' &&
         strncasecmp(header.data(), name.data(), name.size()) == 0;
}

bool named(const Options& options, std::string_view name) {
  for (const std::string& header : options.headers) {
    if (names(header, name)) return true;
  }
  return false;
}

std::string head_of(const Options& options, bool has_body, uint64_t body_bytes, bool json) {
  std::string head = fmt::format("{} {} HTTP/1.1\r\n", options.method, options.path);
  if (!named(options, "host")) head += fmt::format("Host: {}\r\n", options.name);
  if (has_body && !named(options, "content-type")) {
    head += fmt::format("Content-Type: application/{}\r\n", json ? "json" : "octet-stream");
  }
  for (const std::string& header : options.headers) head += header + "\r\n";
  if (has_body) head += fmt::format("Content-Length: {}\r\n", body_bytes);
  return head + "\r\n";
}

}  // namespace

bool make_request(const Options& options, Request& request, std::string& error) {
  const bool upload = options.mode == "bulk" && options.direction == "up";
  const bool has_body = options.method != "GET" && options.method != "HEAD";
  std::string body;
  if (!options.body_file.empty()) {
    std::ifstream file(options.body_file, std::ios::binary);
    if (!file) {
      error = options.body_file + ": cannot be read";
      return false;
    }
    body.assign(std::istreambuf_iterator<char>(file), {});
  } else if (has_body && !upload) {
    body = body_of(options);
  }
  request.filler_bytes = upload ? options.bytes_or(kBulkBytes) : 0;
  request.bytes =
      head_of(options, has_body, body.size() + request.filler_bytes, !upload) + body;
  return true;
}

}  // namespace culvert::bench
