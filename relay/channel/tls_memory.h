// Memory of mbedTLS. Each connection has two buffers of a whole record, 16 KiB and some, and most
// connections never fill a tenth of them. On pages of their own, which the system provides when
// they are touched, a busy connection holds two or three instead of ten, and one that rests none.
#pragma once

namespace culvert {

// Once per process, before any thread uses TLS. False where the system gives no room for it (a
// limit on address space): memory comes from the heap then.
bool page_tls_buffers();

// A buffer of mbedTLS's becomes zero and takes no memory until it is touched again. False, and
// nothing is changed: it is of the heap, or none.
bool rest_tls_buffer(void* buffer);

}  // namespace culvert
