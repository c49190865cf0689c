# limits: what the machine itself can do, beside which all else is to be read: how often a byte goes
# there and back over loopback, and how fast the ciphers in use are in libcrypto, on one core.
import subprocess

from tests.bench import process
from tests.bench.figures import DIRECT, Row
from tests.bench.generator import Load
from tests.bench.peers.direct import Direct
from tests.bench.process import Failed
from tests.bench.workloads.base import Base, Run

SPEED_SECONDS = 1
GIB = 1 << 30


class Limits(Base):
    def rounds(self, asked: int) -> int:
        return min(asked, 1)

    def rows(self) -> list[Row]:
        return [Row("pingpong", "loopback TCP, a byte there and back", "/s", True),
                Row("gcm", "AES-128-GCM, 16 KiB", "GiB/s", True, places=2),
                Row("gcm-small", "AES-128-GCM, 1 KiB", "GiB/s", True, places=2),
                Row("sign", "ECDSA P-256 signatures", "/s", True),
                Row("verify", "ECDSA P-256 verifications", "/s", True),
                Row("x25519", "X25519 key agreements", "/s", True)]

    def contestants(self) -> list[str]:
        return [DIRECT]

    def open(self) -> None:
        self.start(Direct(), self.setup())

    def measure(self, contestant: str):
        with Load("pingpong", self.aim(self.running[contestant]), "--seconds",
                  self.run.seconds) as one:
            yield "pingpong", contestant, one.finish()["per_second"]
        for key, size in (("gcm", 16384), ("gcm-small", 1024)):
            words = speed("-bytes", str(size), "-evp", "aes-128-gcm")
            yield key, contestant, float(words[-1]) / GIB
        *_, sign, verify = speed("ecdsap256")
        yield "sign", contestant, float(sign)
        yield "verify", contestant, float(verify)
        yield "x25519", contestant, float(speed("ecdhx25519")[-2])


def speed(*words: str) -> list[str]:
    """The fields of the one line of figures: of -mr, which is for programs."""
    command = process.pinned([process.program("openssl"), "speed", "-mr", "-seconds",
                              str(SPEED_SECONDS), *words], process.PROXY_CORE)
    done = subprocess.run(command, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("+F")]
    if done.returncode != 0 or len(lines) != 1:
        raise Failed(f"openssl speed {' '.join(words)}: {done.stderr[-200:]}")
    return lines[0].split(":")


def limits(run: Run) -> Limits:
    return Limits(run, "limits", "the machine itself: loopback and ciphers")
