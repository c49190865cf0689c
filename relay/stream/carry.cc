// Events are parsed as they pass; a JSON answer is kept up to a bound and read once at its end.
#include "relay/stream/carry.h"

#include "relay/base/text.h"

namespace culvert {
namespace {

// Usage stands at the end of an answer; larger answers (embeddings of many texts) are not metered
// from their body.
constexpr size_t kJsonKept = 2 * 1024 * 1024;

bool has_type(const ResponseHead& head, std::string_view type) {
  const std::string* value = head.headers.find("content-type");
  if (value == nullptr) return false;
  const std::string_view bare = trim(std::string_view(*value).substr(0, value->find(';')));
  return equal_ignoring_case(bare, type);
}

bool readable(Dialect dialect, const ResponseHead& head) {
  if (dialect == Dialect::kOpaque || head.status < 200 || head.status > 299) return false;
  const std::string* coding = head.headers.find("content-encoding");
  return coding == nullptr || equal_ignoring_case(*coding, "identity");
}

}  // namespace

Carry::Carry(Dialect dialect, const ResponseHead& head)
    : dialect_(dialect),
      events_(readable(dialect, head) && has_type(head, "text/event-stream")),
      json_(readable(dialect, head) && has_type(head, "application/json")),
      end_(dialect) {}

void Carry::see(std::string_view bytes) {
  if (json_) {
    if (body_.size() + bytes.size() > kJsonKept) {
      json_ = false;
      std::string().swap(body_);
    } else {
      body_.append(bytes);
    }
  }
  if (!events_) return;
  while (const auto event = parser_.next(&bytes)) end_.see(*event);
}

bool Carry::complete() const { return !events_ || parser_.overflowed() || end_.complete(); }

bool Carry::ended() const { return events_ && end_.marked() && end_.complete(); }

bool Carry::at_boundary() const { return events_ && parser_.at_boundary(); }

bool Carry::content_seen() const { return events_ && end_.content_seen(); }

Usage Carry::usage() const {
  if (events_) return end_.usage();
  if (json_) return usage_of(dialect_, body_);
  return {};
}

}  // namespace culvert
