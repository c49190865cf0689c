# Certificates for C++ tests, as files in a folder that the test names: the same authority and
# leaves that the Python tests use (tests/fakes/certs.py). Run as `python3 -m` by certificates.h.
import pathlib
import shutil
import sys

from tests.fakes import certs


def main(folder: pathlib.Path) -> None:
    shutil.copy(certs.authority().ca_file, folder / "ca.pem")
    shutil.copy(certs.stranger().ca_file, folder / "stranger.pem")
    leaves = {
        "good": certs.authority().issue("localhost", "*.wild.example", "127.0.0.1"),
        "rsa": certs.authority().issue("localhost", kind="rsa"),
        "other": certs.authority().issue("other.example"),
        "expired": certs.expired(),
        "untrusted": certs.untrusted(),
        "foreign_key": certs.authority().issue("localhost", own_key=True),
    }
    for name, leaf in leaves.items():
        shutil.copy(leaf.cert, folder / f"{name}.pem")
        shutil.copy(leaf.key, folder / f"{name}.key")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
