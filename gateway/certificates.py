"""The certificate of the gateway: a throw-away CA and one leaf, made by the openssl command.

nginx.crt is leaf + CA in one file, so that it serves both as `ssl_certificate` and as
`curl --cacert`. The CA may only sign for these names (nameConstraints) and its key
exists in memory only, so whoever trusts nginx.crt trusts nothing else.
"""

import ipaddress
import re
import secrets
import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from gateway.atomic import replace_file
from gateway.errors import PrepareError
from gateway.settings import IPAddress, Settings

CERTIFICATE = "nginx/certs/nginx.crt"
KEY = "nginx/certs/nginx.key"

CA_NAME = "Switchyard local CA"
"""Issuer of what we made. A certificate of anybody else is never replaced."""
RENEW_SECONDS = 7 * 24 * 3600.0
"""A certificate of ours with less than this left is made anew."""
_CA_DAYS, _LEAF_DAYS = "825", "397"
_OPENSSL_SECONDS = 30.0
_LOCAL = ("127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the first certificate of a file says."""

    issuer: str
    names: frozenset[str]
    """DNS names of the subjectAltName."""
    addresses: frozenset[IPAddress]
    """IP addresses of the subjectAltName."""
    not_after: float
    """End of validity, seconds since the epoch."""

    @property
    def is_ours(self) -> bool:
        """Whether gateway.prepare made it."""
        return CA_NAME in self.issuer

    def serves(self, address: IPAddress) -> bool:
        """Whether a client that reaches the gateway at this address can verify it.

        Beyond this machine people use names, and 0.0.0.0 stands for no address at all: there
        any name but localhost will do.
        """
        if address in self.addresses:
            return True
        if address.is_loopback:
            return False
        if self.names - {"localhost"}:
            return True
        return address.is_unspecified and any(not own.is_loopback for own in self.addresses)


def run_openssl(*arguments: str, stdin: bytes = b"") -> bytes:
    """Standard output of one openssl command. Raises PrepareError, subprocess.TimeoutExpired.

    Secrets go in by `stdin`: a command line is visible to every user of the machine.
    """
    program = shutil.which("openssl")
    if program is None:
        fix = "install it (Debian: `apt install openssl`) or enter `nix develop`"
        raise PrepareError("openssl", "not found on PATH", fix)
    done = subprocess.run(
        [program, *arguments], input=stdin, capture_output=True, timeout=_OPENSSL_SECONDS
    )
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        problem = f"`openssl {arguments[0]}` failed ({reason})"
        raise PrepareError("openssl", problem, "check the file, or that openssl is 1.1.1 or newer")
    return done.stdout


def read_certificate(path: Path) -> Certificate:
    """The first certificate of a PEM file. Raises PrepareError when there is none."""
    text = run_openssl(
        "x509", "-in", str(path), "-noout", "-issuer", "-enddate", "-ext", "subjectAltName"
    ).decode(errors="replace")
    issuer = re.search(r"^issuer=(.*)$", text, re.MULTILINE)
    end = re.search(r"^notAfter=(.*)$", text, re.MULTILINE)
    if issuer is None or end is None:
        raise PrepareError(str(path), "cannot be understood", "replace it by a PEM certificate")
    return Certificate(
        issuer=issuer[1],
        names=frozenset(name.lower() for name in re.findall(r"DNS:([^,\s]+)", text)),
        addresses=frozenset(
            ipaddress.ip_address(found)
            for found in re.findall(r"IP Address:([0-9A-Fa-f.:]+)", text)
        ),
        not_after=float(ssl.cert_time_to_seconds(end[1])),
    )


def key_fits(certificate: Path, key: Path) -> bool:
    """Whether the key is readable, unencrypted and belongs to the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Without a callback OpenSSL would ask the terminal for the password of the key.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ssl.SSLError, ValueError):
        return False
    return True


def ensure_certificate(root: Path, settings: Settings, now: float) -> str | None:
    """Make or renew the certificate where that is ours to do; what was done, or None.

    `now` is in seconds since the epoch. A certificate that somebody else issued is left
    alone, whatever its state: gateway.refusals judges it.
    Raises PrepareError, OSError, subprocess.TimeoutExpired.
    """
    certificate, key = root / CERTIFICATE, root / KEY
    why = _why_issue(certificate, key, settings, now)
    if why is None:
        return None
    names = renew_certificate(root, settings)
    return f"made {CERTIFICATE} ({why}) for {', '.join(names)}"


def _why_issue(certificate: Path, key: Path, settings: Settings, now: float) -> str | None:
    if not certificate.exists():
        if key.exists():
            # Never ours: the certificate is written first.
            fix = f"put its certificate at {CERTIFICATE}, or remove the key"
            raise PrepareError(KEY, "a key without a certificate", fix)
        return "there was none"
    try:
        present = read_certificate(certificate)
    except PrepareError:
        fix = "replace it by a PEM certificate, or remove it: a new one is made then"
        raise PrepareError(CERTIFICATE, "is not a certificate", fix) from None
    if not present.is_ours:
        return None
    if present.not_after - now < RENEW_SECONDS:
        return "the old one ends within 7 days"
    if not key_fits(certificate, key):
        return f"{KEY} did not belong to it"
    if not settings.address.is_unspecified and not present.serves(settings.address):
        return f"the old one was not valid for {settings.address}"
    return None


def renew_certificate(root: Path, settings: Settings) -> list[str]:
    """Replace certificate and key by new ones; the names that they prove.

    Raises PrepareError, OSError, subprocess.TimeoutExpired.
    """
    addresses = [*_LOCAL]
    if not settings.address.is_unspecified and settings.listen_address not in addresses:
        addresses.append(settings.listen_address)
    folder = root / CERTIFICATE
    folder.parent.mkdir(parents=True, exist_ok=True)
    # A fixed place, emptied first: what an interrupted run left behind goes with it. It
    # never holds a key; those stay in memory until the end.
    work = root / "var/tmp/certificates"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        config = work / "openssl.cnf"
        config.write_text(_openssl_config(addresses), encoding="utf-8")
        authority, authority_key = _authority(work, config)
        leaf, leaf_key = _leaf(work, config, authority_key)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    # The certificate first: a key alone would look like the operator's (see _why_issue).
    replace_file(root / CERTIFICATE, leaf + authority, 0o644)
    replace_file(root / KEY, leaf_key, 0o600)
    return ["localhost", *addresses]


def _new_key() -> bytes:
    return run_openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")


def _authority(work: Path, config: Path) -> tuple[bytes, bytes]:
    key = _new_key()
    certificate = run_openssl(
        *("req", "-x509", "-new", "-key", "/dev/stdin", "-sha256", "-days", _CA_DAYS),
        *("-config", str(config), "-subj", f"/CN={CA_NAME}", "-extensions", "authority"),
        stdin=key,
    )
    (work / "ca.crt").write_bytes(certificate)
    return certificate, key


def _leaf(work: Path, config: Path, authority_key: bytes) -> tuple[bytes, bytes]:
    key = _new_key()
    request = run_openssl(
        *("req", "-new", "-key", "/dev/stdin", "-config", str(config), "-subj", "/CN=localhost"),
        stdin=key,
    )
    (work / "leaf.csr").write_bytes(request)
    certificate = run_openssl(
        *("x509", "-req", "-in", str(work / "leaf.csr"), "-CA", str(work / "ca.crt")),
        *("-CAkey", "/dev/stdin", "-set_serial", f"0x{secrets.token_hex(16)}"),
        *("-sha256", "-days", _LEAF_DAYS, "-extfile", str(config), "-extensions", "leaf"),
        stdin=authority_key,
    )
    return certificate, key


def _openssl_config(addresses: list[str]) -> str:
    alternatives = ",".join(["DNS:localhost", *(f"IP:{address}" for address in addresses)])
    permitted = ["permitted;DNS:localhost"]
    for address in addresses:
        network = ipaddress.ip_network(address)
        # OpenSSL wants IPv6 constraints written out, and a mask rather than a length.
        permitted.append(f"permitted;IP:{network[0].exploded}/{network.netmask.exploded}")
    # RFC 5280, section 4.2.1: key identifiers and critical flags as Python 3.13 insists on.
    return f"""\
[req]
distinguished_name = name
prompt = no
[name]
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
nameConstraints = critical, {", ".join(permitted)}
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {alternatives}
"""
