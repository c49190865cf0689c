// The folder of a spool: the names of its files, the lock that keeps a second process out, and the
// one small file that tells how far the service has acknowledged.
#pragma once

#include "relay/base/result.h"
#include "relay/channel/fd.h"
#include "relay/config/usage_source.h"

#include <cstdint>
#include <string>
#include <vector>

namespace culvert {

struct Segment {
  uint64_t number = 0;
  uint64_t size = 0;     // with its head
  uint64_t records = 0;  // as far as they are sound
};

class SpoolFolder {
 public:
  // Makes the folder (0700) where it is missing.
  static Result<SpoolFolder> open(std::string path);

  std::string path_of(uint64_t segment) const;
  std::string path_of(const char* name) const { return path_ + "/" + name; }
  // Ascending by number, with sizes; records are 0.
  std::vector<Segment> segments() const;

  // Position zero where nothing was acknowledged yet, or the file is damaged.
  SpoolPosition acknowledged() const;
  void set_acknowledged(const SpoolPosition& position) const;

 private:
  explicit SpoolFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;
  Fd lock_;
  Fd mark_;  // the file of the position
};

}  // namespace culvert
