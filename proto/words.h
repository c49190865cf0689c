// Single values of a configuration: what a name, a header, a token, a path may look like. Each
// function says what is wrong and what is allowed in one sentence, or nothing where the value is
// sound. Pure; no sentence holds a secret.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace culvert {

using Flaw = std::optional<std::string>;

Flaw name_flaw(std::string_view name);    // of a resource
Flaw alias_flaw(std::string_view alias);  // of an upstream: also the first segment of a path

// A relay token: 16 characters or more, none of the defaults of examples, and able to stand in a
// path, a header and a comma-separated list. References (env:, file:) are sound until they are
// read.
Flaw token_flaw(std::string_view token);
// An upstream's key: visible ASCII without commas, as it goes into a header.
Flaw key_flaw(std::string_view key);
bool is_reference(std::string_view secret);
// In the form that secrets are shown in (base/secret's mask): it stands for a value that somebody
// else has, and is no secret itself.
bool is_masked(std::string_view secret);

Flaw header_name_flaw(std::string_view name);    // a token of RFC 9110 §5.6.2
Flaw header_value_flaw(std::string_view value);  // field-value of RFC 9110 §5.5

// `/a/b`: no slash at the end, no empty or dot segments, no query.
Flaw path_prefix_flaw(std::string_view prefix);

// The region of the strategy `via:REGION`; nullopt: it is another one.
std::optional<std::string_view> via_region(std::string_view strategy);

// HOST:PORT of a control service; HOST a name, an IPv4 address or an IPv6 address in brackets.
Flaw control_address_flaw(std::string_view address);

// An id of a key: the first 12 hexadecimal digits of its SHA-256.
Flaw key_id_flaw(std::string_view id);

// `https://host[:port][/base/path]` of an upstream. User information is never repeated.
Flaw url_flaw(std::string_view url);

}  // namespace culvert
