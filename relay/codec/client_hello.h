// Reads along with the first bytes of a connection until its ClientHello is whole, across segments
// and across records (RFC 8446 §5.1), so that a TLS connection can be routed without being
// terminated. Pure; consumes nothing: the caller keeps the bytes and sends them on as they came.
#pragma once

#include "relay/base/limits.h"
#include "relay/base/result.h"
#include "relay/codec/client_hello_message.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

class ClientHelloReader {
 public:
  // Of the handshake message. One with post-quantum key shares and ECH has 3 KiB; TLS would allow
  // 16 MiB, which nobody may make us hold.
  static constexpr size_t kMessageBytes = 64 * limits::kKiB;
  // Clients that hide from middleboxes send fragments of a few bytes; one byte each is taken of
  // hellos up to 4 KiB.
  static constexpr size_t kRecords = 4096;
  // What the caller may have to keep at most: all of the message, each record with its header.
  static constexpr size_t kBytes = kMessageBytes + 4 + kRecords * 5;

  // The next bytes of the connection. nullptr: more are needed; else the hello, which lives as long
  // as this. Errors are the client's: stage kRequest (a bound: kLimit). Once there, an answer
  // stays, and what follows is not looked at.
  Result<const ClientHello*> see(std::string_view bytes);

  // After an error: what says it to the client; nullopt where the peer does not speak TLS.
  std::optional<TlsAlert> alert() const { return alert_; }

 private:
  void see_opening(std::string_view* bytes);
  void see_header(std::string_view* bytes);
  void see_fragment(std::string_view* bytes);
  void end_message();
  void refuse(const HelloFlaw& flaw);

  ClientHello hello_;
  std::optional<Error> error_;
  std::optional<TlsAlert> alert_;
  std::string opening_;  // of a peer that does not speak TLS, until it is told what it speaks
  std::string header_;   // of the record that begins
  std::string message_;  // with the four bytes of its header
  size_t left_ = 0;      // of the record
  size_t records_ = 0;
  bool whole_ = false;
};

}  // namespace culvert
