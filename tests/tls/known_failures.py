# Cases of mbedTLS's tests that our build does not pass, and why that is right.
import os

KNOWN = {
    "ssl-opt.sh": {
        # The client's certificate has a key of P-521, which is not built.
        "TLS 1.3: Client authentication, client alg not in server list - openssl",
    },
    # They take ECDSA with SHA-512 out of the library's default list, where only P-521 puts it.
    "test_suite_ssl": {
        "Baseline for: Server using sig_alg not offered by the client - ECDSA with SHA512",
        "Negative Test: Server using sig_alg not offered by the client - ECDSA with SHA512",
    },
}
# With CULVERT_TLS_PRIMITIVES=libcrypto.
KNOWN_LIBCRYPTO = {
    # The nonce has to come from the test's generator; libcrypto takes its own.
    "test_suite_ecdsa": {"ECDSA primitive rfc 4754 p256", "ECDSA primitive rfc 4754 p384"},
}


def of(name: str) -> set[str]:
    known = KNOWN.get(name, set())
    if os.environ.get("CULVERT_TLS_PRIMITIVES") == "libcrypto":
        known = known | KNOWN_LIBCRYPTO.get(name, set())
    return known
