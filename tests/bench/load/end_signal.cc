// Stays readable once it came: nobody reads it, the loop ends.
#include "tests/bench/load/end_signal.h"

#include <sys/signalfd.h>

#include <csignal>

namespace culvert::bench {

EndSignal::EndSignal(Poller& poller) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  fd_.reset(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  poller.add(fd_.fd(), EPOLLIN, this);
}

}  // namespace culvert::bench
