// TLS for libcurl, held to one record per turn. Debian 12's libcurl (7.88) reads on after the
// record that ended a stream of HTTP/2, and where the connection's end is there too, it forgets how
// the stream ended: one that was reset looks whole. It also takes the end of TCP for the end of
// TLS. Here the stream is judged before its connection, and TLS ends by close_notify alone.
#pragma once

namespace culvert {

// How far libcurl may read in one turn. Whole: all that there is; for TLS within TLS (a proxy's),
// of which nobody would call for what is left.
enum class Turn { kRecord, kWhole };

// For all connections that are made with it; ssl_ctx is OpenSSL's SSL_CTX.
void read_by_records(void* ssl_ctx, Turn turn);

}  // namespace culvert
