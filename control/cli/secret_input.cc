// References are followed once: what a variable or file holds is the secret, whatever it is.
#include "control/cli/secret_input.h"

#include "control/cli/files.h"

namespace culvert::cli {
namespace {

constexpr size_t kMostBytes = 64 * 1024;

Error invalid(std::string detail) {
  return Error::ours(Code::kInvalidConfig, Stage::kNone, std::move(detail));
}

Result<Secret> from_file(const std::string& path, const std::string& shown) {
  auto file = read_file(path, kMostBytes);
  if (!file) return invalid(file.error().detail);
  std::string_view text = file->text;
  if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  Secret secret(text);
  wipe(file->text.data(), file->text.size());
  if (secret.empty()) return invalid(shown + " is empty; needed is the secret in it");
  return secret;
}

}  // namespace

Result<Secret> follow_reference(const std::string& written, const Environment& environment) {
  if (written.rfind("env:", 0) == 0) {
    const std::string name = written.substr(4);
    Secret secret(variable(environment, name));
    if (!secret.empty()) return secret;
    return invalid("the variable " + name + " of env:" + name +
                   " is not set on this machine; needed is the secret's value in it");
  }
  if (written.rfind("file:", 0) == 0) {
    return from_file(written.substr(5), "the file " + written.substr(5));
  }
  return Secret(written);
}

Result<Secret> secret_from_input() {
  Secret secret = CULVERT_TRY(from_file("-", "standard input"));
  if (secret.reveal().find('\n') != std::string_view::npos) {
    return invalid("standard input has several lines; needed is the secret alone");
  }
  return secret;
}

}  // namespace culvert::cli
