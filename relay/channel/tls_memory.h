// Memory of mbedTLS. Each connection has two buffers of a whole record, 16 KiB and some, and most
// connections never fill a tenth of them. On pages of their own, which the system provides when
// they are touched, an idle connection holds two pages instead of ten.
#pragma once

namespace culvert {

// Once per process, before any thread uses TLS. False where the system gives no room for it (a
// limit on address space): memory comes from the heap then.
bool page_tls_buffers();

// Of a buffer of mbedTLS's, all behind its first 4 KiB becomes zero and takes no memory until it is
// touched again. Does nothing to memory of the heap, and to none.
void rest_tls_buffer(void* buffer);

}  // namespace culvert
