// Heads are short, but each request has two: what need not be looked at byte by byte is copied.
#include "relay/codec/encode.h"

#include "relay/base/kept_text.h"
#include "relay/codec/characters.h"

#include <charconv>
#include <cstring>

namespace culvert {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr size_t kFieldBytes = 4;  // of colon, space and the end, beside name and value

void append_clean(std::string* out, std::string_view text) {
  while (!text.empty()) {
    const size_t run = text_run(text);
    out->append(text.substr(0, run));
    text.remove_prefix(run);
    if (text.empty()) return;
    if (is_text_byte(text.front())) *out += text.front();
    text.remove_prefix(1);
  }
}

char* put(char* at, std::string_view text) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

// libcurl cannot be told to send the space alone.
constexpr size_t separator_bytes(const Header& field) { return field.value.empty() ? 1 : 2; }

// What append_fields() appends where every byte of them is clean.
void append_clean_fields(std::string* out, const Headers& headers) {
  const size_t begin = out->size();
  out->resize(begin + headers.bytes() + headers.size() * kFieldBytes + kLineEnd.size());
  char* at = out->data() + begin;
  for (const Header& field : headers) {
    at = put(at, field.name);
    *at++ = ':';
    if (!field.value.empty()) *at++ = ' ';
    at = put(put(at, field.value), kLineEnd);
  }
  at = put(at, kLineEnd);
  out->resize(static_cast<size_t>(at - out->data()));
}

void append_fields(std::string* out, const Headers& headers) {
  // One look at all of them at once: one at each name and value was half of what a head cost.
  if (text_run(headers.text()) == headers.text().size()) return append_clean_fields(out, headers);
  for (const Header& field : headers) {
    append_clean(out, field.name);
    *out += std::string_view(": ").substr(0, separator_bytes(field));
    append_clean(out, field.value);
    *out += kLineEnd;
  }
  *out += kLineEnd;
}

// Of a whole head, but for a target or a reason.
size_t room_for(const Headers& headers) {
  constexpr size_t kStartLineBytes = 64;  // and of the empty line at the end
  return kStartLineBytes + headers.bytes() + headers.size() * kFieldBytes;
}

}  // namespace

std::string encode_request_head(std::string_view method,
                                std::string_view target,
                                const Headers& headers) {
  std::string out = kept_text(room_for(headers) + target.size());
  append_clean(&out, method);
  out += ' ';
  append_clean(&out, target);
  out += " HTTP/1.1\r\n";
  append_fields(&out, headers);
  return out;
}

std::string encode_response_head(int status, std::string_view reason, const Headers& headers) {
  std::string out = kept_text(room_for(headers) + reason.size());
  char digits[12];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, status);
  out.append("HTTP/1.1 ").append(digits, end).push_back(' ');
  append_clean(&out, reason.empty() ? reason_phrase(status) : reason);
  out += kLineEnd;
  append_fields(&out, headers);
  return out;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 407:
      return "Proxy Authentication Required";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

std::string encode_last_chunk(const Headers& trailers) {
  std::string out = "0\r\n";
  append_fields(&out, trailers);
  return out;
}

ChunkSize::ChunkSize(size_t bytes) {
  char* end = std::to_chars(text_.data(), text_.data() + text_.size(), bytes, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  size_ = static_cast<size_t>(end - text_.data());
}

}  // namespace culvert
