// From resources to a Snapshot: defaults filled in, presets added, secrets read, what is written in
// text parsed. Pure but for the two functions that read, so that tests and fuzzers can stand in.
#pragma once

#include "proto/resources.h"
#include "relay/base/result.h"
#include "relay/config/snapshot.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace culvert {

// What a configuration is compiled against: the machine and the process.
struct Surroundings {
  std::function<Result<Secret>(const std::string& written)> secret;
  std::function<Result<std::string>(const std::string& path)> file;
  uint32_t cores = 1;     // that this process may run on
  std::string state_dir;  // where none is configured
};

// The resources have passed proto/validate. Errors are kInvalidConfig, `PLACE: what is wrong; what
// is allowed`: what only shows when secrets and files have been read, or when the region is known.
Result<std::shared_ptr<const Snapshot>> compile(const Resources& resources,
                                                const Surroundings& surroundings,
                                                std::vector<std::string>* warnings);

}  // namespace culvert
