// See stream_asked.h.
#include "relay/stream/stream_asked.h"

#include "relay/codec/json_slice.h"

#include <algorithm>

namespace culvert {
namespace {

bool has_parameter(std::string_view query, std::string_view wanted) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    if (query.substr(0, end) == wanted) return true;
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return false;
}

}  // namespace

bool asks_for_events(Dialect dialect, std::string_view path, std::string_view body) {
  if (dialect == Dialect::kOpaque) return false;
  const size_t mark = std::min(path.find('?'), path.size());
  const size_t method = path.substr(0, mark).rfind(':');
  if (dialect == Dialect::kGemini && method != std::string_view::npos) {
    return path.substr(method, 7) == ":stream" &&
           has_parameter(path.substr(std::min(mark + 1, path.size())), "alt=sse");
  }
  const auto stream = JsonSlice(body).find("stream");
  return stream && stream->is_true();
}

}  // namespace culvert
