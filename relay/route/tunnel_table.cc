// Patterns are keys like names: one look-up for each label that may stand behind the star.
#include "relay/route/tunnel_table.h"

namespace culvert {

TunnelTable::TunnelTable(const std::map<std::string, Tunnel, std::less<>>& tunnels) {
  for (const auto& [own_name, tunnel] : tunnels) {
    for (const std::string& name : tunnel.names) by_name_[name].push_back(&tunnel);
  }
}

const Tunnel* TunnelTable::find(std::string_view listener, std::string_view server_name) const {
  if (!server_name.empty()) {
    if (const Tunnel* exact = of_name(std::string(server_name), listener)) return exact;
    for (auto dot = server_name.find('.'); dot != std::string_view::npos;
         dot = server_name.find('.', dot + 1)) {
      const std::string pattern = "*" + std::string(server_name.substr(dot));
      if (const Tunnel* found = of_name(pattern, listener)) return found;
    }
  }
  return of_name("*", listener);
}

const Tunnel* TunnelTable::of_name(const std::string& name, std::string_view listener) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return nullptr;
  const Tunnel* of_all = nullptr;
  for (const Tunnel* tunnel : found->second) {
    if (tunnel->listener == listener) return tunnel;
    if (tunnel->listener.empty() && of_all == nullptr) of_all = tunnel;
  }
  return of_all;
}

}  // namespace culvert
