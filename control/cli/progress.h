// A line on standard error while something takes longer than a second: what is waited for, turning.
// Nothing where standard error is no terminal. A thread of its own, joined by the destructor, which
// also takes the line away.
#pragma once

#include "control/cli/terminal.h"

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace culvert::cli {

class Progress {
 public:
  Progress(const Terminal& terminal, std::string what);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  void say(std::string what);  // any thread

 private:
  void turn();

  const Terminal& terminal_;
  std::mutex mutex_;  // over what follows
  std::condition_variable changed_;
  std::string what_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace culvert::cli
