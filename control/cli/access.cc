// Each setting by itself, in the order flag, variable, context.
#include "control/cli/access.h"

#include "control/cli/files.h"
#include "control/cli/secret_input.h"
#include "proto/scalars.h"

#include <algorithm>

namespace culvert::cli {
namespace {

constexpr size_t kMostCaBytes = 4 * 1024 * 1024;

Error bad(std::string detail) {
  return Error::client(Code::kBadRequest, Stage::kNone, std::move(detail));
}

struct Setting {
  std::string value;
  std::string place;  // for messages
};

// --context is a flag, and so wins over variables.
Setting first_of(const AccessFlags& flags,
                 const std::string AccessFlags::*flag,
                 const char* flag_name,
                 const Environment& environment,
                 const char* name) {
  if (!(flags.*flag).empty()) return {flags.*flag, flag_name};
  if (!flags.context.empty()) return {};
  return {variable(environment, name), name};
}

Result<Context> chosen_context(const AccessFlags& flags, const Environment& environment) {
  const std::string path = config_path(environment);
  auto config = load_config(path);
  if (!config) return bad(config.error().detail);
  const bool named = !flags.context.empty();
  const std::string& name = named ? flags.context : config->current;
  if (name.empty()) return Context{};
  const auto found = config->contexts.find(name);
  if (found != config->contexts.end()) return found->second;
  std::string known;
  for (const auto& [each, context] : config->contexts) known += (known.empty() ? "" : ", ") + each;
  return bad((named ? "--context: " : path + ": current: ") + std::string("there is no context ") +
             in_quotes(name) + "; " +
             (known.empty() ? "culvert login makes one" : "known are " + known));
}

Result<Secret> token_of(const Setting& setting, const Environment& environment) {
  if (setting.value.empty()) {
    return bad("no token: culvert login keeps one, CULVERT_TOKEN or --token file:PATH gives one");
  }
  auto token = follow_reference(setting.value, environment);
  if (!token) return bad(setting.place + ": " + token.error().detail);
  const std::string_view text = token->reveal();
  const bool sound =
      std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127; });
  if (!sound) return bad(setting.place + ": a token is one word of visible ASCII characters");
  return token;
}

}  // namespace

Result<std::string> server_address(const std::string& written, const std::string& place) {
  const size_t colon = written.rfind(':');
  const bool bracketed = written.rfind('[', 0) == 0;
  const bool has_host = colon != std::string::npos && colon > 0 &&
                        (bracketed ? written[colon - 1] == ']' : written.find(':') == colon);
  const auto port =
      has_host ? parse_whole(std::string_view(written).substr(colon + 1), 65535) : std::nullopt;
  const bool clean_text = std::all_of(written.begin(), written.end(),
                                      [](char c) { return c > ' ' && c < 127 && c != '/'; });
  if (port && *port > 0 && clean_text) return written;
  return bad(place + ": " + in_quotes(written) +
             " is no address; needed is HOST:PORT, such as control.example.com:7443");
}

Result<Access> find_access(const AccessFlags& flags, const Environment& environment) {
  Setting server = first_of(flags, &AccessFlags::server, "--server", environment, "CULVERT_SERVER");
  Setting ca = first_of(flags, &AccessFlags::ca, "--ca", environment, "CULVERT_CA");
  Setting token = first_of(flags, &AccessFlags::token, "--token", environment, "CULVERT_TOKEN");
  if (server.value.empty() || ca.value.empty() || token.value.empty()) {
    const Context context = CULVERT_TRY(chosen_context(flags, environment));
    const bool same = server.value.empty() || server.value == context.server;
    const std::string place = config_path(environment);
    if (server.value.empty()) server = {context.server, place};
    if (same && ca.value.empty()) ca = {context.ca, place};
    if (same && token.value.empty()) token = {std::string(context.token.reveal()), place};
  }
  if (server.value.empty()) {
    return bad(
        "no service is named: culvert login --server HOST:PORT --ca FILE keeps one, "
        "--server or CULVERT_SERVER names one");
  }
  Access access;
  access.server = CULVERT_TRY(server_address(server.value, server.place));
  access.ca_file = ca.value;
  if (!ca.value.empty()) {
    auto file = read_file(ca.value, kMostCaBytes);
    if (!file) return bad(ca.place + ": " + file.error().detail);
    access.ca_pem = std::move(file->text);
    if (access.ca_pem.find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
      return bad(ca.place + ": " + ca.value + " holds no certificate in PEM form");
    }
  }
  access.token = CULVERT_TRY(token_of(token, environment));
  wipe(token.value.data(), token.value.size());
  return access;
}

}  // namespace culvert::cli
