# A certificate authority for tests and leaf certificates of every kind that a TLS test needs: ECDSA
# P-256 and RSA-2048, any names, valid, expired, not yet valid, self-signed or of a stranger's
# authority. Owned by the test process; files live in a temporary folder that goes with the process.
# The `openssl` program does the work, because the standard library can neither make keys nor sign.
# Keys are made once per process and shared by all certificates of their kind: making RSA keys is
# what would make such tests slow.
import atexit
import functools
import ipaddress
import pathlib
import shutil
import ssl
import subprocess
import tempfile
import time
from dataclasses import dataclass


@functools.cache
def folder() -> pathlib.Path:
    """The folder of this process's keys and certificates, removed at its end."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="culvert-certs-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def openssl(*arguments: str, text: str = "") -> None:
    """Runs openssl; its own words are in the exception when it fails."""
    done = subprocess.run(["openssl", *arguments], input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(arguments)}: {done.stderr}")


@functools.cache
def key_file(kind: str, use: str) -> str:
    """A private key (PEM file). `kind` is "ecdsa" or "rsa"; keys of different `use` differ."""
    path = str(folder() / f"{use}-{kind}.key")
    if kind == "ecdsa":
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
    elif kind == "rsa":
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", path)
    else:
        raise ValueError(f"{kind}: neither ecdsa nor rsa")
    return path


def alt_name(name: str) -> str:
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


@dataclass(frozen=True)
class Certificate:
    """PEM files: `cert` (the leaf first, then what the server sends along) and `key`."""

    cert: str
    key: str

    def server_context(self, alpn=("http/1.1",), minimum=ssl.TLSVersion.TLSv1_2,
                       maximum=ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version, context.maximum_version = minimum, maximum
        if alpn:
            context.set_alpn_protocols(list(alpn))
        context.load_cert_chain(self.cert, self.key)
        return context


class Authority:
    """A certificate authority. `ca_file` is what SSL_CERT_FILE or NODE_EXTRA_CA_CERTS takes."""

    def __init__(self, name: str = "Culvert test authority", kind: str = "ecdsa"):
        self.name = name
        self.key = key_file(kind, "ca-" + "".join(c if c.isalnum() else "-" for c in name))
        self.ca_file = str(pathlib.Path(self.key).with_suffix(".pem"))
        self._count = 0
        openssl("req", "-x509", "-new", "-key", self.key, "-sha256", "-days", "3650", "-out",
                self.ca_file, "-subj", f"/CN={name}", "-addext",
                "basicConstraints=critical,CA:TRUE", "-addext",
                "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, *names: str, kind: str = "ecdsa", first_day: int = -1, last_day: int = 30,
              own_key: bool = False) -> Certificate:
        """A leaf for DNS names and IP addresses; days count from today, so `first_day=-10,
        last_day=-2` is expired and `first_day=2` not yet valid. `own_key` makes a fresh key."""
        names = names or ("localhost", "127.0.0.1", "::1")
        self._count += 1
        stem = pathlib.Path(self.ca_file).stem + f"-leaf-{kind}-{self._count}"
        key = key_file(kind, stem if own_key else "leaf")
        base = folder() / stem
        request, cert = str(base.with_suffix(".csr")), str(base.with_suffix(".pem"))
        config = base.with_suffix(".cnf")
        config.write_text(self._config(base, names))
        openssl("req", "-new", "-key", key, "-subj", f"/CN={names[0][:60]}", "-out", request)
        openssl("ca", "-batch", "-notext", "-config", str(config), "-in", request, "-out", cert,
                "-startdate", stamp(first_day), "-enddate", stamp(last_day))
        return Certificate(cert, key)

    def _config(self, base: pathlib.Path, names) -> str:
        """`openssl ca` is used because `openssl x509` of OpenSSL 3.0 cannot set the first day."""
        base.with_suffix(".index").write_text("")
        base.with_suffix(".serial").write_text(f"{int(time.time() * 1000):012x}{self._count:04x}\n")
        return "\n".join([
            "[ca]", "default_ca=own", "[own]", f"database={base.with_suffix('.index')}",
            f"serial={base.with_suffix('.serial')}", f"new_certs_dir={folder()}",
            f"certificate={self.ca_file}", f"private_key={self.key}", "default_md=sha256",
            "policy=any", "x509_extensions=leaf", "unique_subject=no", "[any]",
            "commonName=supplied", "[leaf]", "basicConstraints=critical,CA:FALSE",
            "keyUsage=critical,digitalSignature,keyEncipherment",
            "extendedKeyUsage=serverAuth,clientAuth",
            "subjectAltName=" + ",".join(alt_name(n) for n in names), ""])

    def client_context(self, verify: bool = True, alpn=("http/1.1",)) -> ssl.SSLContext:
        """A client's context that trusts this authority and no other."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = verify
        context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
        context.load_verify_locations(self.ca_file)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context


def stamp(day: int) -> str:
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + day * 86400))


@functools.cache
def authority() -> Authority:
    """The authority that tests trust."""
    return Authority()


@functools.cache
def stranger() -> Authority:
    """An authority that nobody trusts."""
    return Authority("A stranger's authority")


@functools.cache
def server(kind: str = "ecdsa") -> Certificate:
    """A good certificate for localhost, 127.0.0.1 and ::1."""
    return authority().issue(kind=kind)


@functools.cache
def expired() -> Certificate:
    return authority().issue(first_day=-10, last_day=-2)


@functools.cache
def wrong_host() -> Certificate:
    return authority().issue("elsewhere.example")


@functools.cache
def untrusted() -> Certificate:
    return stranger().issue()


@functools.cache
def self_signed() -> Certificate:
    """A leaf that signed itself: valid names and days, no authority at all."""
    key, cert = key_file("ecdsa", "self"), str(folder() / "self-signed.pem")
    openssl("req", "-x509", "-new", "-key", key, "-sha256", "-days", "30", "-out", cert, "-subj",
            "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1",
            "-addext", "basicConstraints=critical,CA:FALSE")
    return Certificate(cert, key)
