// One header after the other; what follows the first is looked at with it.
#include "relay/flow/tunnel_opening.h"

#include <utility>

namespace culvert {

TunnelOpening::TunnelOpening(Expects expects)
    : proxy_whole_(!expects.proxy_header), hello_whole_(!expects.hello) {}

Result<bool> TunnelOpening::see(std::string_view bytes) {
  const size_t before = kept_.size();
  kept_ += bytes;
  if (!proxy_whole_) return see_proxy();
  return see_hello(std::string_view(kept_).substr(before));
}

Result<bool> TunnelOpening::see_proxy() {
  proxy_ = CULVERT_TRY(read_proxy_header(kept_, ProxyVersions::kEither));
  if (!proxy_) return false;
  proxy_whole_ = true;
  kept_.erase(0, proxy_->length);
  return see_hello(kept_);
}

Result<bool> TunnelOpening::see_hello(std::string_view bytes) {
  if (hello_whole_) return true;
  const ClientHello* hello = CULVERT_TRY(reader_.see(bytes));
  if (hello == nullptr) return false;
  server_name_ = hello->server_name;
  hello_whole_ = true;
  return true;
}

}  // namespace culvert
