// Defaults that are texts; those that are numbers stand in relay/base/limits.h.
#pragma once

namespace culvert {

inline constexpr const char* kDefaultListen = "http://127.0.0.1:8080";
inline constexpr const char* kDefaultAdminListen = "127.0.0.1:9090";
inline constexpr const char* kDefaultCaFile = "/etc/ssl/certs/ca-certificates.crt";  // Debian's

// Without a version: an upstream need not learn which one runs, and an upgrade changes no byte of
// what it sees.
inline constexpr const char* kDefaultUserAgent = "culvert";

}  // namespace culvert
