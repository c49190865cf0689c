// The directory of a service: where its files stand in it, and the lock that keeps a second service
// out. The lock is the kernel's, so that it ends with the process however that ends.
#pragma once

#include "relay/base/result.h"

#include <string>

namespace culvert::control {

class DataDirectory {
 public:
  // For a new service: makes the directory (0700) where it is not there. Errors: kInvalidConfig
  // where anything stands in it already.
  static Result<DataDirectory> make(const std::string& path);
  // Of an existing service. Errors: kSystem where it is not there, cannot be written, or another
  // process has it.
  static Result<DataDirectory> open(const std::string& path);

  DataDirectory(DataDirectory&& other) noexcept;
  DataDirectory& operator=(DataDirectory&&) = delete;
  ~DataDirectory();

  const std::string& path() const { return path_; }
  std::string store() const { return path_ + "/store.db"; }
  std::string ledger() const { return path_ + "/ledger.db"; }
  std::string master_key() const { return path_ + "/master.key"; }
  std::string authority() const { return path_ + "/ca.pem"; }

 private:
  DataDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::string path_;
  int lock_;
};

}  // namespace culvert::control
