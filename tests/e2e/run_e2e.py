#!/usr/bin/env python3
# Runs the end-to-end tests: makes the certificates, then Node's test runner over the *.test.mjs
# beside this file with the authority in NODE_EXTRA_CA_CERTS. A program of its own, because Node
# reads that variable only at its start. Usage: run_e2e.py [file.test.mjs …]; run_e2e.py
# direct.test.mjs needs no relay.
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.fakes import certs  # noqa: E402 - the path is set above, for use as a program


def main() -> int:
    leaf = certs.server()
    env = {name: value for name, value in os.environ.items()
           if not name.endswith(("_API_KEY", "_API_KEYS", "_BASE_URL", "_AUTH_TOKEN"))
           and name.upper() not in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")}
    env |= {"NODE_EXTRA_CA_CERTS": certs.authority().ca_file, "CULVERT_E2E_CERT": leaf.cert,
            "CULVERT_E2E_KEY": leaf.key, "CULVERT_E2E_STRANGER": certs.stranger().ca_file,
            "CULVERT_E2E_PYTHON": sys.executable, "NO_PROXY": "*",
            # Node.js 18 tries one address alone, and ::1 stands first in Debian's /etc/hosts.
            "NODE_OPTIONS": "--dns-result-order=ipv4first"}
    files = sys.argv[1:] or sorted(p.name for p in HERE.glob("*.test.mjs"))
    command = ["node", "--test", *files]
    return subprocess.run(command, cwd=HERE, env=env).returncode


if __name__ == "__main__":
    sys.exit(main())
