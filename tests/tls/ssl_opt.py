# ssl_opt.py [-v] TREE [--all | FILTER]: cases of mbedTLS's ssl-opt.sh, with its client and server
# built against our library and openssl on the other side; TREE is build/release/tests/tls/mbedtls.
# Without a filter it runs a selection of about a minute; --all is all of TLS 1.3 that can run here,
# some minutes; FILTER is a grep expression of names.
import pathlib
import socket
import sys

from tests.tls import outcomes

# Each direction with another suite, in all groups and with all kinds of keys; the other group asked
# for; resumption; client certificates.
SELECTED = [
    "O->m: AES_128_GCM_SHA256,", "m->O: AES_256_GCM_SHA384,", "m->m: CHACHA20_POLY1305_SHA256,",
    "O->m: HRR", "m->O: HRR", "HRR both with middlebox", "m->m: resumption with AES-256",
    "[mO]->[mO]: resumption$", "resumption fails, ticket auth failed", "Client authentication, ",
    "Server side check - openssl",
]
# GnuTLS is not here, some groups, suites and programs are not built.
EXCLUDED = ["gnutls", "G->m", "m->G", "secp521r1", "x448", "ffdhe", "CCM", "^Sample"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def main() -> bool:
    options = {word for word in sys.argv[1:] if word.startswith("-")}
    words = [word for word in sys.argv[1:] if word not in options]
    tree = pathlib.Path(words[0]).resolve()
    wanted = ["TLS 1[.]3"] if "--all" in options else words[1:] or SELECTED
    command = [tree / "tests/ssl-opt.sh", "--port", str(free_port()), "-f", r"\|".join(wanted),
               "-e", r"\|".join(EXCLUDED)]
    # Only cases of DTLS go through their proxy, but the script asks whether it is there.
    rows, text = outcomes.run(command, env={"P_PXY": "/bin/true"})
    return outcomes.judge("ssl-opt.sh", rows, text, options)


sys.exit(0 if main() else 1)
