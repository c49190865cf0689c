// What the relay asks of the operating system around its sockets: descriptors, service manager,
// sockets that were opened for it.
#pragma once

#include "relay/base/address.h"
#include "relay/channel/fd.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace culvert {

// Raises the soft limit of open descriptors to the hard one; returns it.
size_t raise_descriptor_limit();

// Core dumps and ptrace by others off: memory holds keys (PR_SET_DUMPABLE).
void forbid_dumps();

// What the process uses, for the control service: resident memory and processor time so far.
struct ProcessUse {
  uint64_t memory_bytes = 0;
  double cpu_seconds = 0;
};
ProcessUse process_use();

// Listening sockets passed by the service manager (sd_listen_fds(3)), with their addresses; taken
// over, so that a second call finds none.
struct PassedSocket {
  Fd fd;
  SocketAddress address;
};
std::vector<PassedSocket> take_passed_sockets();

}  // namespace culvert
