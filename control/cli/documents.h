// The files of `apply` and `diff` as one request: read, joined, secrets followed. Errors are one
// line, `FILE:LINE: what is wrong; what is allowed`.
#pragma once

#include "control/cli/environment.h"
#include "culvert/v1/admin.pb.h"
#include "proto/resources.h"
#include "relay/base/result.h"

#include <string>
#include <vector>

namespace culvert::cli {

struct Documents {
  std::vector<v1::Resource> resources;
  Places places;  // of every field, for findings
};

// `names`: files, folders (their *.yaml, *.yml and *.json) and `-` for standard input.
Result<Documents> read_documents(const std::vector<std::string>& names,
                                 const Environment& environment);

// The same from texts: file name and text. Pure but for the secrets that the texts refer to.
using Text = std::pair<std::string, std::string>;
Result<Documents> join_documents(const std::vector<Text>& texts, const Environment& environment);

// `FILE:LINE: MESSAGE (KIND NAME)`, or without a place where the finding is not about the files.
std::string in_words(const v1::Finding& finding, const Places& places);

}  // namespace culvert::cli
