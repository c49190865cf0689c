// The last collection of the path that holds models names the one that is called.
#include "relay/route/model.h"

#include "relay/base/url.h"

namespace culvert {
namespace {

constexpr std::string_view kModels = "/models/";
constexpr std::string_view kTuned = "/tunedModels/";

// The segment without its ":method"; a method's colon may come encoded.
std::string name_of(std::string_view segment) {
  const std::string decoded = percent_decode(segment.substr(0, segment.find('/')));
  return decoded.substr(0, decoded.find(':'));
}

}  // namespace

std::string model_in_path(std::string_view path) {
  path = path.substr(0, path.find('?'));
  if (const size_t tuned = path.find(kTuned); tuned != std::string_view::npos) {
    const std::string name = name_of(path.substr(tuned + kTuned.size()));
    return name.empty() ? name : "tunedModels/" + name;
  }
  const size_t models = path.find(kModels);
  if (models == std::string_view::npos) return {};
  std::string_view rest = path.substr(models + kModels.size());
  // "/models/models/x:method": clients that put the full resource name behind the collection.
  if (rest.starts_with(kModels.substr(1))) rest.remove_prefix(kModels.size() - 1);
  return std::string(plain_model(name_of(rest)));
}

std::string_view plain_model(std::string_view model) {
  if (model.starts_with(kModels.substr(1))) model.remove_prefix(kModels.size() - 1);
  return model;
}

}  // namespace culvert
