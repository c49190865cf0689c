// The query of a request target, taken apart without touching what is not asked for. Pure. Here
// because the gate looks for credentials in it and takes them out, and routes read it too.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

// Names and values of a query are compared after percent-decoding, because upstreams decode them:
// `%6bey=…` is `key=…`. A target is a path with an optional query, in origin-form.

// The values of all pairs of that name, as they stand (not decoded), in their order.
std::vector<std::string_view> query_values(std::string_view target, std::string_view name);

// The target without the pairs of that name whose value (as it stands) is `unwanted`; every other
// byte stays. A query that held nothing else goes with its question mark.
std::string without_query_pairs(std::string_view target,
                                std::string_view name,
                                const std::function<bool(std::string_view value)>& unwanted);

// The target with the first pair of that name getting `value` percent-encoded, and further pairs of
// that name left out. Unchanged where there is none.
std::string with_query_value(std::string_view target,
                             std::string_view name,
                             std::string_view value);

// All but RFC 3986's unreserved characters as %XX.
std::string percent_encode(std::string_view text);

}  // namespace culvert
