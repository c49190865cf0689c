// A prune is told as removals, so that the service need not know what the files were.
#include "control/cli/apply_request.h"

#include "control/cli/kinds.h"

#include <CLI/CLI.hpp>

#include <set>
#include <utility>

namespace culvert::cli {

const char* const kSecretDetails =
    "Secrets written `env:NAME` or `file:PATH` are read here, on this machine, and their values "
    "are\n"
    "sent: the service has neither your variables nor your files. A secret written masked, as get\n"
    "shows it, keeps the value that the service has.";

void add_file_flags(CLI::App* verb, FileFlags* flags) {
  verb->add_option("-f,--file", flags->files,
                   "file, folder of *.yaml, *.yml, *.json, or -; may come again")
      ->required()
      ->type_name("FILE")
      ->allow_extra_args(false);
  verb->add_flag("--prune", flags->prune, "also delete what the files leave out");
}

Result<v1::ApplyRequest> apply_request(Session* session, const Documents& documents, bool prune) {
  v1::ApplyRequest request;
  for (const auto& resource : documents.resources) *request.add_resources() = resource;
  if (!prune) {
    request.set_expected_revision(CULVERT_TRY(session->ask(v1::WhoAmIRequest())).revision());
    return request;
  }
  const v1::GetReply all = CULVERT_TRY(session->ask(v1::GetRequest()));
  request.set_expected_revision(all.revision());
  std::set<std::pair<std::string, std::string>> given;
  for (const auto& resource : documents.resources) {
    given.emplace(kind_of(resource), resource.name());
  }
  for (const auto& stored : all.resources()) {
    if (given.count({kind_of(stored.resource()), stored.resource().name()}) > 0) continue;
    v1::Reference* reference = request.add_removes();
    reference->set_kind(kind_of(stored.resource()));
    reference->set_name(stored.resource().name());
  }
  return request;
}

}  // namespace culvert::cli
