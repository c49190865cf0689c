// What files ask of the service, and the flags that name them: alike in apply and diff.
#pragma once

#include "control/cli/documents.h"
#include "control/cli/session.h"
#include "culvert/v1/admin.pb.h"

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace culvert::cli {

// How secrets of files reach the service; for the help of a verb.
extern const char* const kSecretDetails;

struct FileFlags {
  std::vector<std::string> files;
  bool prune = false;
};
void add_file_flags(CLI::App* verb, FileFlags* flags);

// All that the documents hold, against the service's revision of now; with `prune`, also the
// removal of what they leave out. Errors: those of the session.
Result<v1::ApplyRequest> apply_request(Session* session, const Documents& documents, bool prune);

}  // namespace culvert::cli
