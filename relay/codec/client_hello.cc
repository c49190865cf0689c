// Two layers at once: records, and the one handshake message in them.
#include "relay/codec/client_hello.h"

#include "relay/codec/byte_cursor.h"
#include "relay/codec/opening.h"

#include <algorithm>

namespace culvert {
namespace {

constexpr size_t kRecordHeaderBytes = 5;
constexpr size_t kMessageHeaderBytes = 4;
constexpr size_t kRecordBytes = 1U << 14;  // RFC 8446 §5.1
constexpr char kHandshakeRecord = 22;
constexpr char kClientHello = 1;

// change_cipher_spec, alert, handshake, application_data, heartbeat: whoever begins with one of
// them means TLS.
bool is_record_type(char c) { return c >= 20 && c <= 24; }

Error refusal(std::string detail) {
  return Error::client(Code::kBadRequest, Stage::kRequest, std::move(detail));
}

}  // namespace

Result<const ClientHello*> ClientHelloReader::see(std::string_view bytes) {
  while (!whole_ && !error_ && !bytes.empty()) {
    const bool first = records_ == 0 && header_.empty();
    if (!opening_.empty() || (first && !is_record_type(bytes.front()))) {
      see_opening(&bytes);
    } else if (left_ == 0) {
      see_header(&bytes);
    } else {
      see_fragment(&bytes);
    }
  }
  if (error_) return *error_;
  return whole_ ? &hello_ : nullptr;
}

void ClientHelloReader::see_opening(std::string_view* bytes) {
  opening_ += bytes->front();
  bytes->remove_prefix(1);
  const auto name = name_opening(opening_);
  if (!name) return;
  std::string detail = "the peer does not speak TLS";
  if (!name->empty()) detail.append("; this looks like ").append(*name);
  error_ = refusal(std::move(detail));
}

void ClientHelloReader::see_header(std::string_view* bytes) {
  header_ += bytes->front();
  bytes->remove_prefix(1);
  if (header_.size() == 1 && header_[0] != kHandshakeRecord) {
    return refuse({TlsAlert::kUnexpectedMessage,
                   "a record of another type stands before the end of the ClientHello (RFC 8446 "
                   "§5.1)"});
  }
  if (header_.size() == 2 && header_[1] != 3) {
    if (records_ > 0) return refuse({TlsAlert::kDecodeError, "a record's version is not TLS's"});
    error_ = refusal("the peer does not speak TLS: its first record has no version of TLS");
    return;
  }
  if (header_.size() < kRecordHeaderBytes) return;
  left_ = ByteCursor(std::string_view(header_).substr(3)).number(2).value_or(0);
  header_.clear();
  if (left_ == 0) {
    return refuse(
        {TlsAlert::kUnexpectedMessage, "a record of the ClientHello is empty (RFC 8446 §5.1)"});
  }
  if (left_ > kRecordBytes) {
    return refuse({TlsAlert::kRecordOverflow, "a record is larger than 16 KiB (RFC 8446 §5.1)"});
  }
  if (++records_ > kRecords) {
    refuse({TlsAlert::kIllegalParameter, "the ClientHello comes in more than 4096 records"});
    error_->stage = Stage::kLimit;
  }
}

void ClientHelloReader::see_fragment(std::string_view* bytes) {
  const auto header = [this] { return ByteCursor(std::string_view(message_).substr(1)).number(3); };
  const bool begun = message_.size() >= kMessageHeaderBytes;
  const size_t size = kMessageHeaderBytes + (begun ? header().value_or(0) : 0);
  const size_t count = std::min({size - message_.size(), left_, bytes->size()});
  message_.append(bytes->substr(0, count));
  bytes->remove_prefix(count);
  left_ -= count;
  if (message_[0] != kClientHello) {
    return refuse({TlsAlert::kUnexpectedMessage,
                   "the first handshake message is not a ClientHello (RFC 8446 §4)"});
  }
  if (message_.size() < kMessageHeaderBytes) return;
  const size_t length = header().value_or(0);
  if (length > kMessageBytes) {
    refuse({TlsAlert::kIllegalParameter, "the ClientHello is larger than 64 KiB"});
    error_->stage = Stage::kLimit;
  } else if (message_.size() == kMessageHeaderBytes + length) {
    end_message();
  }
}

void ClientHelloReader::end_message() {
  if (left_ > 0) {
    return refuse({TlsAlert::kUnexpectedMessage,
                   "further bytes stand behind the ClientHello in its record (RFC 8446 §5.1)"});
  }
  const std::string_view body = std::string_view(message_).substr(kMessageHeaderBytes);
  if (const auto flaw = parse_client_hello(body, &hello_)) return refuse(*flaw);
  whole_ = true;
  std::string().swap(message_);
}

void ClientHelloReader::refuse(const HelloFlaw& flaw) {
  error_ = refusal(flaw.detail);
  alert_ = flaw.alert;
}

}  // namespace culvert
