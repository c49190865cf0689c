// See samples.h. Names and order of fields are those of openai 7.55.0 on Node.js 20 and of the
// vendors' public references.
#include "tests/bench/micro/samples.h"

#include "relay/codec/request_parser.h"
#include "relay/codec/response_parser.h"

namespace culvert::bench {

const std::string_view kSdkHead =
    "POST /openai/v1/chat/completions HTTP/1.1\r\n"
    "host: relay.example.com\r\n"
    "connection: keep-alive\r\n"
    "accept: application/json\r\n"
    "user-agent: OpenAI/JS 7.55.0\r\n"
    "x-stainless-retry-count: 0\r\n"
    "x-stainless-lang: js\r\n"
    "x-stainless-package-version: 7.55.0\r\n"
    "x-stainless-os: Linux\r\n"
    "x-stainless-arch: x64\r\n"
    "x-stainless-runtime: node\r\n"
    "x-stainless-runtime-version: v20.20.2\r\n"
    "authorization: Bearer sk-proj-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV\r\n"
    "content-type: application/json\r\n"
    "accept-language: *\r\n"
    "sec-fetch-mode: cors\r\n"
    "accept-encoding: gzip, deflate\r\n"
    "content-length: 1024\r\n"
    "\r\n";

const std::string_view kVendorHead =
    "HTTP/1.1 200 OK\r\n"
    "Date: Sat, 21 Nov 2026 12:00:00 GMT\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 600\r\n"
    "Connection: keep-alive\r\n"
    "access-control-expose-headers: X-Request-ID\r\n"
    "openai-organization: org-0123456789abcdefghijklmn\r\n"
    "openai-processing-ms: 812\r\n"
    "openai-project: proj_0123456789abcdefghijklmn\r\n"
    "openai-version: 2020-10-01\r\n"
    "x-envoy-upstream-service-time: 830\r\n"
    "x-ratelimit-limit-requests: 10000\r\n"
    "x-ratelimit-limit-tokens: 30000000\r\n"
    "x-ratelimit-remaining-requests: 9999\r\n"
    "x-ratelimit-remaining-tokens: 29999985\r\n"
    "x-ratelimit-reset-requests: 6ms\r\n"
    "x-ratelimit-reset-tokens: 0s\r\n"
    "x-request-id: req_0123456789abcdef0123456789abcdef\r\n"
    "CF-Cache-Status: DYNAMIC\r\n"
    "Set-Cookie: __cf_bm=0123456789abcdefghijklmnopqrstuvwxyz; path=/; HttpOnly; Secure\r\n"
    "Strict-Transport-Security: max-age=31536000; includeSubDomains; preload\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Server: cloudflare\r\n"
    "CF-RAY: 0123456789abcdef-FRA\r\n"
    "alt-svc: h3=\":443\"; ma=86400\r\n"
    "\r\n";

namespace {

constexpr std::string_view kWords = " and a few words more, \\\"as they come\\\",";

std::string event_of(Dialect dialect, size_t number) {
  const std::string text(kWords);
  switch (dialect) {
    case Dialect::kOpenAi:
      return R"(data: {"id":"chatcmpl-0123456789abcdefghijklmnopqrs","object":"chat.completion)"
             R"(.chunk","created":1795262400,"model":"gpt-4o-2024-08-06","service_tier":"default",)"
             R"("system_fingerprint":"fp_0123456789","choices":[{"index":0,"delta":{"content":")" +
             text + "\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n";
    case Dialect::kAnthropic:
      return "event: content_block_delta\n"
             R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",)"
             "\"text\":\"" +
             text + "\"}}\n\n";
    case Dialect::kGemini:
      return R"(data: {"candidates": [{"content": {"parts": [{"text": ")" + text +
             R"("}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 200,)"
             R"("candidatesTokenCount": )" +
             std::to_string(number * 9 + 9) + R"(,"totalTokenCount": )" +
             std::to_string(number * 9 + 209) +
             R"(,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 200}]},)"
             "\"modelVersion\": \"gemini-2.5-pro\",\"responseId\": \"0123456789abcdef\"}\r\n\r\n";
    case Dialect::kOpaque:
      return "data: " + text + "\n\n";
  }
  return {};
}

std::string_view beginning_of(Dialect dialect) {
  if (dialect != Dialect::kAnthropic) return {};
  return "event: message_start\n"
         R"(data: {"type":"message_start","message":{"id":"msg_01","type":"message","role":)"
         R"("assistant","model":"claude-sonnet-4-5","content":[],"stop_reason":null,"usage":)"
         "{\"input_tokens\":200,\"output_tokens\":1}}}\n\n"
         "event: content_block_start\n"
         R"(data: {"type":"content_block_start","index":0,"content_block":{"type":"text",)"
         "\"text\":\"\"}}\n\n";
}

std::string_view end_of(Dialect dialect) {
  switch (dialect) {
    case Dialect::kOpenAi:
      return R"(data: {"id":"chatcmpl-01","choices":[],"usage":{"prompt_tokens":200,)"
             "\"completion_tokens\":900,\"total_tokens\":1100}}\n\n"
             "data: [DONE]\n\n";
    case Dialect::kAnthropic:
      return "event: content_block_stop\n"
             "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
             "event: message_delta\n"
             R"(data: {"type":"message_delta","delta":{"stop_reason":"end_turn",)"
             "\"stop_sequence\":null},\"usage\":{\"output_tokens\":900}}\n\n"
             "event: message_stop\n"
             "data: {\"type\":\"message_stop\"}\n\n";
    case Dialect::kGemini:
      return R"(data: {"candidates": [{"content": {"parts": [{"text": "."}],"role": "model"},)"
             R"("finishReason": "STOP","index": 0}],"usageMetadata": {"promptTokenCount": 200,)"
             "\"candidatesTokenCount\": 900,\"totalTokenCount\": 1100}}\r\n\r\n";
    case Dialect::kOpaque:
      return {};
  }
  return {};
}

std::string text_of(size_t bytes) {
  std::string text;
  text.reserve(bytes + kWords.size());
  while (text.size() < bytes) text += kWords;
  return text;
}

}  // namespace

Headers sdk_headers() {
  RequestParser parser({64 * 1024, 100, 16 * 1024});
  std::string_view input = kSdkHead;
  if (!parser.next(&input)) return {};
  return parser.take_head().headers;
}

Headers vendor_headers() {
  ResponseParser parser(false);
  std::string_view input = kVendorHead;
  if (!parser.next(&input)) return {};
  return parser.head().headers;
}

std::string event_stream(Dialect dialect, size_t events) {
  std::string stream(beginning_of(dialect));
  for (size_t i = 0; i < events; ++i) stream += event_of(dialect, i);
  return stream.append(end_of(dialect));
}

std::string json_answer(Dialect dialect, size_t text_bytes) {
  const std::string text = text_of(text_bytes);
  switch (dialect) {
    case Dialect::kOpenAi:
      return R"({"id":"chatcmpl-01","object":"chat.completion","model":"gpt-4o","choices":[{)"
             R"("index":0,"message":{"role":"assistant","content":")" +
             text +
             R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":200,"completion_tokens":900,)"
             R"("prompt_tokens_details":{"cached_tokens":0}}})";
    case Dialect::kAnthropic:
      return R"({"id":"msg_01","type":"message","content":[{"type":"text","text":")" + text +
             R"("}],"stop_reason":"end_turn","usage":{"input_tokens":200,"output_tokens":900}})";
    case Dialect::kGemini:
      return R"({"candidates":[{"content":{"parts":[{"text":")" + text +
             R"("}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":200,)"
             R"("candidatesTokenCount":900,"totalTokenCount":1100}})";
    case Dialect::kOpaque:
      break;
  }
  return text;
}

}  // namespace culvert::bench
