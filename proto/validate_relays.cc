// Which relays a resource is for, and what a relay says of itself: regions, labels, the control
// service.
#include "proto/scalars.h"
#include "proto/validate_parts.h"
#include "relay/base/address.h"
#include "relay/base/limits.h"

#include <algorithm>

namespace culvert {
namespace {

constexpr size_t kValueBytes = 63;

Flaw label_value_flaw(std::string_view value) {
  const bool sound = value.size() <= kValueBytes &&
                     std::all_of(value.begin(), value.end(), [](char c) {
                       return c >= 0x20 && c < 0x7F;
                     });
  if (sound) return std::nullopt;
  return in_quotes(value) +
         " cannot be a label's value; allowed are up to 63 visible characters and spaces";
}

}  // namespace

void inspect_labels(const std::string& path,
                    const google::protobuf::Map<std::string, std::string>& labels,
                    Inspection* out) {
  std::vector<std::string> names;  // sorted, so that findings come in a stable order
  for (const auto& [name, value] : labels) names.push_back(name);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const std::string at = path + "[" + name + "]";
    out->check(at, name_flaw(name));
    out->check(at, label_value_flaw(labels.at(name)));
  }
}

void inspect_selector(const v1::Selector& relays, Inspection* out) {
  for (int i = 0; i < relays.regions_size(); ++i) {
    out->check(indexed("relays.regions", i), name_flaw(relays.regions(i)));
  }
  inspect_labels("relays.labels", relays.labels(), out);
}

void inspect_control(const v1::Control& control, Inspection* out) {
  for (int i = 0; i < control.addresses_size(); ++i) {
    out->check(indexed("control.addresses", i), control_address_flaw(control.addresses(i)));
  }
  const Duration age = from_proto(control.max_age());
  if (control.has_max_age() &&
      (age < std::chrono::seconds(1) || age > limits::kControlMaxAgeMost)) {
    out->say("control.max_age", "a time of " + print_duration(age) +
                                    "; allowed are 1s to " +
                                    print_duration(limits::kControlMaxAgeMost));
  }
  if (control.has_first_wait()) {
    inspect_timer("control.first_wait", control.first_wait(), true, out);
  }
}

void inspect_token(const v1::RelayToken& token, Inspection* out) {
  if (token.sha256().size() != 32) {
    out->say("sha256", "a digest of " + std::to_string(token.sha256().size()) +
                           " bytes; allowed are 32");
  }
  if (!token.tenant().empty()) out->check("tenant", name_flaw(token.tenant()));
}

}  // namespace culvert
