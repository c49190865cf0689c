// TLS for libcurl, held to one record per turn. Debian 12's libcurl (7.88) reads on after the
// record that ended a stream of HTTP/2, and where the connection's end is there too, it forgets how
// the stream ended: one that was reset looks whole. It also takes the end of TCP for the end of
// TLS. Here the stream is judged before its connection, and TLS ends by close_notify alone.
#pragma once

#include <cstdint>

namespace culvert {

// For all connections that are made with it; ssl_ctx is OpenSSL's SSL_CTX. turn: another number
// for each time that the loop calls libcurl; outlives the connections. nullptr: all that there is
// may be read; for TLS within TLS (a proxy's), of which nobody would call for what is left.
void read_by_records(void* ssl_ctx, const uint64_t* turn);

}  // namespace culvert
