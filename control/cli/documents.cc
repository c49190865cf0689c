// proto/yaml reads each file; what it leaves to do is joining files and following secrets.
#include "control/cli/documents.h"

#include "control/cli/files.h"
#include "control/cli/secret_input.h"
#include "proto/config_error.h"
#include "proto/proxy_url.h"
#include "proto/scalars.h"
#include "proto/secret_fields.h"
#include "proto/words.h"
#include "proto/yaml.h"
#include "relay/base/limits.h"

#include <fmt/format.h>

namespace culvert::cli {
namespace {

// Where a resource of a kind and name was given before, or "".
std::string given_before(const Places& places, std::string_view kind, std::string_view name) {
  const std::string place = places.find(kind, name, "");
  return place.find(':') == std::string::npos ? std::string() : place;
}

Flaw flaw_of(const std::string& kind, std::string_view secret) {
  return kind == "KeyPool" ? key_flaw(secret) : proxy_flaw(secret);
}

// The first that cannot be followed is the error.
template <class Spec>
Result<void> follow_secrets(const std::string& kind,
                            const std::string& name,
                            const Places& places,
                            const Environment& environment,
                            Spec* spec) {
  Result<void> outcome;
  each_secret(spec, [&](const auto&, const auto& path, v1::Secret* secret) {
    const std::string written = secret->value();
    if (!outcome || !is_reference(written)) return;
    auto read = follow_reference(written, environment);
    if (!read) {
      outcome = config_error(places.find(kind, name, path), read.error().detail);
    } else if (const Flaw flaw = flaw_of(kind, read->reveal())) {
      outcome = config_error(places.find(kind, name, path), written + ": " + *flaw);
    } else {
      secret->set_value(std::string(read->reveal()));
    }
  });
  return outcome;
}

class Joined {
 public:
  explicit Joined(const Environment& environment) : environment_(environment) {}

  Result<void> add(const Resources& file) {
    if (!file.relay_name.empty()) {
      return config_error(file.places.find("Relay", file.relay_name, ""),
                          "a Relay holds the settings of one process, which belong into that "
                          "relay's own file (culvert-relay --config); leave it out here");
    }
    CULVERT_CHECK(
        add_all("Upstream", file.upstreams, file.places, &v1::Resource::mutable_upstream));
    CULVERT_CHECK(add_all("KeyPool", file.key_pools, file.places, &v1::Resource::mutable_key_pool));
    CULVERT_CHECK(add_all("Route", file.routes, file.places, &v1::Resource::mutable_route));
    return add_all("Tunnel", file.tunnels, file.places, &v1::Resource::mutable_tunnel);
  }

  Documents take() { return std::move(documents_); }

 private:
  template <class Map, class Spec>
  Result<void> add_all(const std::string& kind,
                       const Map& specs,
                       const Places& places,
                       Spec* (v1::Resource::*mutable_spec)()) {
    for (const auto& [name, spec] : specs) {
      const std::string before = given_before(documents_.places, kind, name);
      if (!before.empty()) {
        return config_error(places.find(kind, name, ""), kind + " " + in_quotes(name) +
                                                             " is the second one, after " + before +
                                                             "; a name is given once in its kind");
      }
      v1::Resource resource;
      resource.set_name(name);
      *(resource.*mutable_spec)() = spec;
      CULVERT_CHECK(follow_secrets(kind, name, places, environment_, (resource.*mutable_spec)()));
      documents_.resources.push_back(std::move(resource));
      documents_.places.copy(places, kind, name);
    }
    return {};
  }

  const Environment& environment_;
  Documents documents_;
};

Result<std::vector<std::string>> files_of(const std::vector<std::string>& names) {
  std::vector<std::string> files;
  for (const std::string& name : names) {
    if (name == "-" || !is_folder(name)) {
      files.push_back(name);
      continue;
    }
    const auto inside = CULVERT_TRY(configuration_files(name));
    if (inside.empty()) {
      return Error::ours(Code::kSystem, Stage::kNone,
                         "the folder " + name + " holds no *.yaml, *.yml or *.json");
    }
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

}  // namespace

Result<Documents> read_documents(const std::vector<std::string>& names,
                                 const Environment& environment) {
  std::vector<Text> texts;
  for (const std::string& file : CULVERT_TRY(files_of(names))) {
    texts.emplace_back(file == "-" ? "<stdin>" : file,
                       CULVERT_TRY(read_file(file, limits::kConfigBytes)).text);
  }
  Documents documents = CULVERT_TRY(join_documents(texts, environment));
  if (documents.resources.empty()) {
    return Error::ours(Code::kInvalidConfig, Stage::kNone,
                       texts.front().first +
                           ": there is no resource in it; needed is a document "
                           "of kind, name and spec");
  }
  return documents;
}

Result<Documents> join_documents(const std::vector<Text>& texts, const Environment& environment) {
  Joined joined(environment);
  for (const auto& [file, text] : texts) {
    CULVERT_CHECK(joined.add(CULVERT_TRY(parse_resources(file, text))));
  }
  return joined.take();
}

std::string in_words(const v1::Finding& finding, const Places& places) {
  const std::string resource = finding.kind() + " " + finding.name();
  const std::string place = places.find(finding.kind(), finding.name(), finding.path());
  if (place != resource) return place + ": " + finding.message() + " (" + resource + ")";
  const std::string path = finding.path().empty() ? "" : " " + finding.path();
  return resource + path + ": " + finding.message();
}

}  // namespace culvert::cli
