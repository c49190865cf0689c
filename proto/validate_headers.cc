// Header rules: what may be named at all (privacy: Never, whatever a configuration allows).
#include "proto/scalars.h"
#include "proto/validate_parts.h"
#include "relay/base/denied_headers.h"
#include "relay/base/text.h"

#include <algorithm>
#include <set>

namespace culvert {
namespace {

Flaw never_flaw(const std::string& name) {
  if (auto flaw = header_name_flaw(name)) return flaw;
  if (is_written_by_relay(name)) {
    const std::string instead = equal_ignoring_case(name, "user-agent")
                                    ? "use user_agent or client_user_agent of the Upstream"
                                    : "leave it out";
    return in_quotes(name) + " is written by the relay itself; " + instead;
  }
  if (is_denied_header(name)) {
    return in_quotes(name) +
           " never goes to an upstream, because it tells who or where the client is or belongs to "
           "one connection; leave it out";
  }
  return std::nullopt;
}

Flaw forbidden_flaw(const std::string& name) {
  if (auto flaw = never_flaw(name)) return flaw;
  if (needs_naming(name)) {
    return in_quotes(name) +
           " goes to an upstream only through the generic proxy, where generic_headers_allow of "
           "the "
           "Relay names it; leave it out here";
  }
  return std::nullopt;
}

}  // namespace

void inspect_generic_headers(const v1::Relay& relay, Inspection* out) {
  for (int i = 0; i < relay.generic_headers_allow_size(); ++i) {
    out->check(indexed("generic_headers_allow", i), never_flaw(relay.generic_headers_allow(i)));
  }
}

void inspect_headers(const std::string& path, const v1::HeaderRules& rules, Inspection* out) {
  for (int i = 0; i < rules.allow_size(); ++i) {
    out->check(indexed(path + ".allow", i), forbidden_flaw(rules.allow(i)));
  }
  std::vector<std::string> names;  // sorted, so that findings come in a stable order
  for (const auto& [name, value] : rules.set()) names.push_back(name);
  std::sort(names.begin(), names.end());
  std::set<std::string, LessIgnoringCase> seen;
  for (const std::string& name : names) {
    const std::string at = path + ".set[" + name + "]";
    out->check(at, forbidden_flaw(name));
    out->check(at, header_value_flaw(rules.set().at(name)));
    if (!seen.insert(name).second) {
      out->say(at, in_quotes(name) + " is set twice, in another case; set it once");
    }
  }
}

}  // namespace culvert
