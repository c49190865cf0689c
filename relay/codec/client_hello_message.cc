// Field by field, then extension by extension.
#include "relay/codec/client_hello_message.h"

#include "relay/base/text.h"
#include "relay/base/url.h"
#include "relay/codec/byte_cursor.h"

#include <algorithm>

namespace culvert {
namespace {

using Flaw = std::optional<HelloFlaw>;

constexpr uint16_t kTlsOne = 0x0301;
constexpr size_t kRandomBytes = 32;
constexpr size_t kSessionIdBytes = 32;

enum Extension : uint16_t {
  kServerName = 0,
  kAlpn = 16,
  kEarlyData = 42,
  kSupportedVersions = 43,
  kEncryptedHello = 0xFE0D,
};

HelloFlaw illegal(const char* detail) { return {TlsAlert::kIllegalParameter, detail}; }
HelloFlaw malformed(const char* detail) { return {TlsAlert::kDecodeError, detail}; }

// RFC 8701 §2: 0x0A0A, 0x1A1A, … 0xFAFA.
bool is_grease(uint32_t value) {
  return (value & 0x0F0FU) == 0x0A0AU && value >> 8 == (value & 0xFFU);
}

bool is_grease(std::string_view name) {
  const auto value = ByteCursor(name).number(2);
  return name.size() == 2 && is_grease(*value);
}

Flaw take_server_name(std::string_view data, ClientHello* hello) {
  static constexpr const char* kForm =
      "server_name is not one host name, as it has to be (RFC 6066 §3)";
  ByteCursor cursor(data);
  const auto list = cursor.vector(2);
  if (!list || !cursor.empty()) return malformed(kForm);
  ByteCursor names(*list);
  const auto type = names.number(1);
  const auto name = names.vector(2);
  // Of other types and further names each reader makes something else.
  if (!type || *type != 0 || !name || !names.empty()) return malformed(kForm);
  if (!is_host_name(*name)) {
    return illegal(
        "the server's name is no host name; allowed are labels of letters, digits, hyphens and "
        "underscores, no address and no dot at the end (RFC 6066 §3)");
  }
  hello->server_name = lower(*name);
  return std::nullopt;
}

Flaw take_alpn(std::string_view data, ClientHello* hello) {
  static constexpr const char* kForm = "the list of ALPN is malformed (RFC 7301 §3.1)";
  ByteCursor cursor(data);
  const auto list = cursor.vector(2);
  if (!list || list->empty() || !cursor.empty()) return malformed(kForm);
  ByteCursor names(*list);
  for (size_t count = 1; !names.empty(); ++count) {
    const auto name = names.vector(1);
    if (!name || name->empty()) return malformed(kForm);
    if (count > ClientHello::kProtocols) return illegal("ALPN offers more protocols than 64");
    if (!is_grease(*name)) hello->alpn.emplace_back(*name);
  }
  return std::nullopt;
}

Flaw take_versions(std::string_view data, ClientHello* hello) {
  ByteCursor cursor(data);
  const auto list = cursor.vector(1);
  if (!list || list->empty() || list->size() % 2 != 0 || !cursor.empty()) {
    return malformed("supported_versions is malformed (RFC 8446 §4.2.1)");
  }
  hello->versions.clear();
  ByteCursor versions(*list);
  while (const auto version = versions.number(2)) {
    if (!is_grease(*version)) hello->versions.push_back(static_cast<uint16_t>(*version));
  }
  return std::nullopt;
}

Flaw take_encrypted_hello(std::string_view data, ClientHello* hello) {
  static constexpr uint32_t kOuter = 0;
  static constexpr uint32_t kInner = 1;
  const auto type = ByteCursor(data).number(1);
  if (!type) return malformed("encrypted_client_hello is empty (RFC 9849 §5)");
  // The inner form comes from who decrypted the outer one; what it names is meant.
  if (*type == kInner && data.size() == 1) return std::nullopt;
  if (*type != kOuter) return illegal("encrypted_client_hello has no known form (RFC 9849 §5)");
  hello->has_ech = true;
  return std::nullopt;
}

Flaw take_extension(uint32_t type, std::string_view data, ClientHello* hello) {
  switch (type) {
    case kServerName:
      return take_server_name(data, hello);
    case kAlpn:
      return take_alpn(data, hello);
    case kSupportedVersions:
      return take_versions(data, hello);
    case kEncryptedHello:
      return take_encrypted_hello(data, hello);
    case kEarlyData:
      if (!data.empty()) return malformed("early_data is not empty (RFC 8446 §4.2.10)");
      hello->has_early_data = true;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

Flaw take_extensions(std::string_view all, ClientHello* hello) {
  std::vector<uint32_t> types;
  for (ByteCursor cursor(all); !cursor.empty();) {
    const auto type = cursor.number(2);
    const auto data = cursor.vector(2);
    if (!type || !data) return malformed("an extension's length is wrong (RFC 8446 §4.2)");
    types.push_back(*type);
    if (const Flaw flaw = take_extension(*type, *data, hello)) return flaw;
  }
  // Of two, one reader takes the first and another the last.
  std::sort(types.begin(), types.end());
  if (std::adjacent_find(types.begin(), types.end()) != types.end()) {
    return illegal("an extension is there more than once (RFC 8446 §4.2)");
  }
  return std::nullopt;
}

}  // namespace

Flaw parse_client_hello(std::string_view body, ClientHello* out) {
  ByteCursor cursor(body);
  const auto version = cursor.number(2);
  const auto random = cursor.bytes(kRandomBytes);
  if (!version || !random) return malformed("the ClientHello is too short (RFC 8446 §4.1.2)");
  if (*version < kTlsOne || *version >> 8 != 3) {
    return HelloFlaw{TlsAlert::kProtocolVersion,
                     "the ClientHello is not of TLS 1.0 or later (RFC 8446 App. D.5)"};
  }
  const auto session_id = cursor.vector(1);
  if (!session_id || session_id->size() > kSessionIdBytes) {
    return malformed("the session's id has a wrong length (RFC 8446 §4.1.2)");
  }
  const auto suites = cursor.vector(2);
  if (!suites || suites->empty() || suites->size() % 2 != 0) {
    return malformed("the list of cipher suites has a wrong length (RFC 8446 §4.1.2)");
  }
  const auto compressions = cursor.vector(1);
  if (!compressions || compressions->empty()) {
    return malformed("the list of compressions has a wrong length (RFC 8446 §4.1.2)");
  }
  *out = {};
  out->versions = {static_cast<uint16_t>(*version)};
  if (cursor.empty()) return std::nullopt;  // RFC 5246 §7.4.1.2: there may be no extensions
  const auto extensions = cursor.vector(2);
  if (!extensions || !cursor.empty()) {
    return malformed("the length of the extensions is not that of the rest (RFC 8446 §4.1.2)");
  }
  return take_extensions(*extensions, out);
}

}  // namespace culvert
