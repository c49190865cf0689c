// The URL of an egress proxy, which is a secret because a password may stand in it: no sentence
// here repeats any of it. Pure.
#pragma once

#include "proto/words.h"

#include <string>
#include <string_view>

namespace culvert {

// `scheme://[user[:password]@]host[:port]` with http, https, socks5 or socks5h; user and password
// percent-encoded where they hold anything but RFC 3986's unreserved characters and sub-delims.
Flaw proxy_flaw(std::string_view url);

// The same with its port written out (80, 443 and 1080 where it is left out), because clients of
// proxies do not agree on defaults. `url` is without a flaw.
std::string proxy_with_port(std::string_view url);

}  // namespace culvert
