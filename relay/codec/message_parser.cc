// The callbacks collect; next() hands out. Memory that runs out inside a callback becomes an error:
// nothing may be thrown through llhttp's C code.
#include "relay/codec/message_parser.h"

#include "relay/base/limits.h"
#include "relay/base/text.h"

#include <algorithm>
#include <new>
#include <optional>

namespace culvert {

MessageParser::MessageParser(llhttp_type_t type, const HeadLimits& limits) : limits_(limits) {
  llhttp_init(&llhttp_, type, &settings());
  llhttp_.data = this;
}

template <class Call>
int MessageParser::guarded(llhttp_t* parser, Call call) {
  auto* self = static_cast<MessageParser*>(parser->data);
  try {
    return call(*self);
  } catch (const std::bad_alloc&) {
    self->state_ = State::kFailed;
    self->error_ = Error::ours(Code::kOutOfMemory, Stage::kNone, {});
    return HPE_USER;
  }
}

const llhttp_settings_t& MessageParser::settings() {
  static const llhttp_settings_t made = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_message_begin = [](llhttp_t* p) {
      return guarded(p, [](MessageParser& self) {
        self.state_ = State::kHead;
        self.headers_.clear();
        self.name_open_ = false;
        self.skip_body_ = false;
        self.trailer_bytes_ = self.trailer_fields_ = self.extension_bytes_ = 0;
        self.target_start_ = self.target_end_ = self.version_start_ = self.method_end_ = 0;
        self.begin_message();
        return 0;
      });
    };
    s.on_method = [](llhttp_t* p, const char* at, size_t size) {
      return guarded(p, [&](MessageParser& self) {
        self.method_end_ = self.offset(at) + size;
        return 0;
      });
    };
    s.on_url = [](llhttp_t* p, const char* at, size_t size) {
      return guarded(p, [&](MessageParser& self) {
        if (self.target_start_ == 0) self.target_start_ = self.offset(at);
        self.target_end_ = self.offset(at) + size;
        if (self.target_end_ - self.target_start_ > self.limits_.target_bytes) {
          return self.refuse(
              self.refusal(Code::kTargetTooLong, "the request target is longer than the limit"));
        }
        self.first_line_part({at, size});
        return 0;
      });
    };
    s.on_status = [](llhttp_t* p, const char* at, size_t size) {
      return guarded(p, [&](MessageParser& self) {
        self.first_line_part({at, size});
        return 0;
      });
    };
    s.on_version = [](llhttp_t* p, const char* at, size_t) {
      return guarded(p, [&](MessageParser& self) {
        if (self.version_start_ == 0) self.version_start_ = self.offset(at);
        return 0;
      });
    };
    s.on_header_field = [](llhttp_t* p, const char* at, size_t size) {
      return guarded(p, [&](MessageParser& self) { return self.on_header_field({at, size}); });
    };
    s.on_header_value = [](llhttp_t* p, const char* at, size_t size) {
      return guarded(p, [&](MessageParser& self) { return self.on_header_value({at, size}); });
    };
    s.on_header_field_complete = [](llhttp_t* p) {
      static_cast<MessageParser*>(p->data)->name_open_ = false;
      return 0;
    };
    s.on_headers_complete = [](llhttp_t* p) {
      return guarded(p, [](MessageParser& self) { return self.on_head(); });
    };
    s.on_body = [](llhttp_t* p, const char* at, size_t size) {
      return guarded(p, [&](MessageParser& self) {
        self.events_.push_back({EventKind::kBody, {at, size}});
        return 0;
      });
    };
    const auto on_extension = [](llhttp_t* p, const char*, size_t size) {
      return guarded(p, [&](MessageParser& self) {
        self.extension_bytes_ += size;
        if (self.extension_bytes_ <= limits::kChunkExtensionBytes) return 0;
        return self.refuse(self.refusal(Code::kBadRequest, "chunk extensions exceed the limit"));
      });
    };
    s.on_chunk_extension_name = on_extension;
    s.on_chunk_extension_value = on_extension;
    s.on_message_complete = [](llhttp_t* p) {
      return guarded(p, [](MessageParser& self) {
        const bool interim = self.llhttp_.type == HTTP_RESPONSE && self.llhttp_.status_code < 200;
        if (!interim) self.events_.push_back({EventKind::kEnd, {}});
        self.state_ = State::kBefore;
        self.head_bytes_ = 0;
        return static_cast<int>(HPE_PAUSED);
      });
    };
    return s;
  }();
  return made;
}

int MessageParser::refuse(Error error) {
  error_ = std::move(error);
  return HPE_USER;
}

int MessageParser::on_header_field(std::string_view part) {
  if (in_trailer()) {
    if (!name_open_) ++trailer_fields_;
    name_open_ = true;
    trailer_bytes_ += part.size();
    if (trailer_bytes_ <= limits::kTrailerBytes && trailer_fields_ <= limits::kTrailerFields) {
      return 0;
    }
    return refuse(refusal(Code::kBadRequest, "the trailer section exceeds the limit"));
  }
  if (!name_open_) {
    if (headers_.size() >= limits_.head_fields) {
      return refuse(refusal(Code::kHeadTooLarge, "there are more header fields than the limit"));
    }
    headers_.add({}, {});
    name_open_ = true;
  }
  headers_.last().name += part;
  return 0;
}

int MessageParser::on_header_value(std::string_view part) {
  if (!in_trailer()) {
    headers_.last().value += part;
    return 0;
  }
  trailer_bytes_ += part.size();
  if (trailer_bytes_ <= limits::kTrailerBytes) return 0;
  return refuse(refusal(Code::kBadRequest, "the trailer section exceeds the limit"));
}

int MessageParser::on_head() {
  for (Header& field : headers_) field.value = std::string(trim(field.value));
  auto kind = head_complete();
  if (!kind) return refuse(std::move(kind).error());
  state_ = State::kBody;
  head_bytes_ = 0;
  if (skip_body_) llhttp_.flags |= F_SKIPBODY;
  // Upgrades are not llhttp's business: what follows a head is this protocol until both sides
  // agreed on another.
  llhttp_.upgrade = 0;
  events_.push_back({*kind, {}});
  return HPE_PAUSED;
}

Error MessageParser::fail(Error error) {
  state_ = State::kFailed;
  error_ = error;
  return error;
}

// Before a head is complete no more of it is looked at than its limit allows.
Result<void> MessageParser::head_bounds(size_t fresh_bytes) {
  head_bytes_ += fresh_bytes;
  const bool only_empty_lines = state_ == State::kBefore || method_end_ == 0;
  if (llhttp_.type == HTTP_REQUEST && only_empty_lines &&
      head_bytes_ > 2 * limits::kLeadingEmptyLines + 32) {
    return refusal(Code::kBadRequest, "no request line where one must begin (RFC 9112 §2.2)");
  }
  if (head_bytes_ > limits_.head_bytes) {
    return refusal(Code::kHeadTooLarge, "the head is larger than the limit");
  }
  return {};
}

Result<HttpEvent> MessageParser::next(std::string_view* input) {
  if (state_ == State::kFailed && events_.empty()) return *error_;
  while (events_.empty()) {
    if (input->empty()) return HttpEvent{};
    if (llhttp_get_errno(&llhttp_) == HPE_PAUSED) llhttp_resume(&llhttp_);
    const bool in_head = state_ != State::kBody;
    std::string_view part = *input;
    if (in_head)
      part = part.substr(0, limits_.head_bytes - std::min(head_bytes_, limits_.head_bytes) + 1);
    base_ = part.data();
    const llhttp_errno_t code = llhttp_execute(&llhttp_, part.data(), part.size());
    size_t used = part.size();
    if (code != HPE_OK) used = static_cast<size_t>(llhttp_get_error_pos(&llhttp_) - part.data());
    consumed_ += used;
    input->remove_prefix(used);
    if (code != HPE_OK && code != HPE_PAUSED) {
      Error error = fail(error_ ? *error_ : parse_error(code));
      if (events_.empty()) return error;
      break;  // what was whole before the error is still told
    }
    if (in_head && state_ != State::kBody && events_.empty()) {
      if (auto bounds = head_bounds(used); !bounds) return fail(std::move(bounds).error());
    }
  }
  const HttpEvent event = events_.front();
  events_.pop_front();
  return event;
}

}  // namespace culvert
