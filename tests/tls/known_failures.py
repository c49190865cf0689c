# Cases of mbedTLS's tests that our build does not pass, and why that is right.

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


def of(name: str) -> frozenset[str]:
    return frozenset(KNOWN.get(name, ()))
