// What mbedTLS's own tests need beside our configuration: self-tests, certificates from files, the
// debug messages that ssl-opt.sh looks for, sockets and clocks of their example programs, and two
// modules through which many more of their cases reach digests and signatures: lists of revoked
// certificates and HMAC_DRBG. It adds, and changes nothing of what culvert_mbedtls_config.h says.
#pragma once

#define MBEDTLS_DEBUG_C
#define MBEDTLS_FS_IO
#define MBEDTLS_HMAC_DRBG_C
#define MBEDTLS_NET_C
#define MBEDTLS_SELF_TEST
#define MBEDTLS_TIMING_C
#define MBEDTLS_X509_CRL_PARSE_C
