// Arguments that several verbs read alike. Pure; errors are kBadRequest.
#pragma once

#include "control/cli/program.h"
#include "control/cli/times.h"

#include <google/protobuf/map.h>

#include <string>
#include <vector>

namespace culvert::cli {

// `flag` is its name for the message.
Result<Duration> span_argument(const std::string& flag, const std::string& text);

// NAME=VALUE each, into a map of labels.
Result<void> read_labels(const std::vector<std::string>& words,
                         google::protobuf::Map<std::string, std::string>* labels);

}  // namespace culvert::cli
