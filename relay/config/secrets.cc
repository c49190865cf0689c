// References are followed once: what a variable or file holds is the secret, whatever it looks
// like.
#include "relay/config/secrets.h"

#include "relay/base/limits.h"
#include "relay/config/file.h"

namespace culvert {
namespace {

constexpr std::string_view kEnv = "env:";
constexpr std::string_view kFile = "file:";

bool begins(const std::string& text, std::string_view start) {
  return text.compare(0, start.size(), start) == 0;
}

Error invalid(std::string detail) {
  return Error::ours(Code::kInvalidConfig, Stage::kNone, std::move(detail));
}

Result<Secret> from_variable(const std::string& name, const Environment& environment) {
  auto value = environment ? environment(name) : std::nullopt;
  if (!value || value->empty()) {
    return invalid("the variable " + name + " of env:" + name +
                   " is not set; needed is the secret's value in it");
  }
  Secret secret(*value);
  wipe(value->data(), value->size());
  return secret;
}

Result<Secret> from_file(const std::string& path, std::vector<std::string>* warnings) {
  FileText file = CULVERT_TRY(read_file(path, limits::kSecretBytes));
  if (file.world_readable) {
    warnings->push_back("the secret file " + path +
                        " can be read by every user of this machine; chmod o-r takes that away");
  }
  std::string_view text = file.text;
  if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  Secret secret(text);
  wipe(file.text.data(), file.text.size());
  if (secret.empty()) return invalid("the file " + path + " is empty; needed is the secret in it");
  return secret;
}

}  // namespace

Result<Secret> read_secret(const std::string& written,
                           const Environment& environment,
                           std::vector<std::string>* warnings) {
  if (begins(written, kEnv)) return from_variable(written.substr(kEnv.size()), environment);
  if (begins(written, kFile)) return from_file(written.substr(kFile.size()), warnings);
  return Secret(written);
}

}  // namespace culvert
