// Finds the tunnel for the name that a TLS client asks for. Compiled once per snapshot; a look-up
// costs by the labels of the name.
#pragma once

#include "relay/config/snapshot.h"

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace culvert {

class TunnelTable {
 public:
  // Outlives the table.
  explicit TunnelTable(const std::map<std::string, Tunnel, std::less<>>& tunnels);

  // listener: as TunnelListener::text. server_name: in lower case; "": the client named none. The
  // exact name wins, then the longest pattern, then "*"; of one name, the tunnel that names the
  // listener. nullptr: no tunnel has it.
  const Tunnel* find(std::string_view listener, std::string_view server_name) const;

 private:
  const Tunnel* of_name(const std::string& name, std::string_view listener) const;

  std::unordered_map<std::string, std::vector<const Tunnel*>> by_name_;  // patterns with their "*."
};

}  // namespace culvert
