"""The few lines of nginx configuration that vary by machine, below var/nginx/.

Everything else stands literally in nginx/. A fragment is only written when its text
changes, so an unchanged workspace stays untouched.
"""

import re
import socket
from pathlib import Path

from gateway.atomic import replace_file
from gateway.certificates import Certificate
from gateway.nginx_build import Version
from gateway.settings import Settings

FOLDER = "var/nginx"
LISTEN_HTTPS = f"{FOLDER}/listen-https.conf"
LISTEN_HTTP = f"{FOLDER}/listen-http.conf"
HTTPS_PORT_SUFFIX = f"{FOLDER}/https-port-suffix.conf"
MAIN_USER = f"{FOLDER}/main-user.conf"
SERVER_NAMES = f"{FOLDER}/server-names-certificate.conf"
"""Only where the certificate has names beyond localhost."""

HTTP2_DIRECTIVE = (1, 25, 1)
"""From this version on `http2` is a directive of its own (changes of nginx 1.25.1)."""
KEEPALIVE_MIN_TIMEOUT = (1, 27, 4)
"""From this version on nginx can leave idle connections open while it reloads (its changes)."""
# Shorter than worker_shutdown_timeout (nginx/nginx.conf), which ends all of them.
_KEEPALIVE_MIN = "keepalive_min_timeout 3s;\n"

# In the literal files, each server_name line has these.
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
# A certificate may hold any text where a name should be; this much nginx reads as one.
_NAME = re.compile(r"(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")

_HEADER = "# Written by gateway.prepare from .env. Edit that file, then run it again.\n"


def has_ipv6_loopback() -> bool:
    """Whether this machine has ::1; many containers do not."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def listen_hosts(settings: Settings, ipv6_loopback: bool) -> tuple[str, ...]:
    """The addresses to listen on, as nginx spells them.

    On loopback always both families: `localhost` is 127.0.0.1 for one client and ::1
    for the next.
    """
    address = settings.address
    hosts = [f"[{address}]" if address.version == 6 else str(address)]
    if settings.is_loopback and ipv6_loopback and "[::1]" not in hosts:
        hosts.append("[::1]")
    return tuple(hosts)


def listen_https(hosts: tuple[str, ...], port: int, version: Version | None) -> str:
    """The text of listen-https.conf. An unknown version gets what every version accepts."""
    if version is None or version < HTTP2_DIRECTIVE:
        return _listen(hosts, port, " ssl http2")
    text = _listen(hosts, port, " ssl") + "http2 on;\n"
    return text + _KEEPALIVE_MIN if version >= KEEPALIVE_MIN_TIMEOUT else text


def listen_http(hosts: tuple[str, ...], port: int) -> str:
    """The text of listen-http.conf."""
    return _listen(hosts, port, "")


def https_port_suffix(settings: Settings) -> str:
    """The text of https-port-suffix.conf: a map without a source is a constant."""
    return f'{_HEADER}map "" $https_port_suffix {{ default "{settings.https_port_suffix}"; }}\n'


def names_beyond_localhost(certificate: Certificate) -> tuple[str, ...]:
    """The names and addresses that the certificate proves, as nginx spells them, but localhost."""
    names = sorted(name for name in certificate.names - _LOCAL_NAMES if _NAME.fullmatch(name))
    addresses = sorted(
        f"[{address}]" if address.version == 6 else str(address)
        for address in certificate.addresses
        if str(address) not in _LOCAL_NAMES
    )
    return (*names, *addresses)


def server_names(names: tuple[str, ...]) -> str:
    """The text of server-names-certificate.conf."""
    words = " ".join(f'"{name}"' for name in names)
    header = "# Written by gateway.prepare: the names that nginx/certs/nginx.crt proves.\n"
    return f"{header}server_name {words};\n"


def main_user() -> str:
    """The text of main-user.conf: workers that stay root, on loopback only."""
    return f"{_HEADER}user root;\n"


def write_fragment(root: Path, file: str, text: str) -> bool:
    """Write one fragment; whether it had to change. Raises OSError."""
    path = root / file
    try:
        if path.read_text(encoding="utf-8") == text:
            return False
    except (FileNotFoundError, UnicodeDecodeError):
        pass  # absent or damaged
    replace_file(path, text)
    return True


def remove_fragment(root: Path, file: str) -> bool:
    """Remove one fragment; whether it was there. Raises OSError."""
    path = root / file
    present = path.exists()
    path.unlink(missing_ok=True)
    return present


def _listen(hosts: tuple[str, ...], port: int, options: str) -> str:
    lines = []
    for host in hosts:
        # nginx would keep [::] to IPv6, and clients of IPv4 out.
        both = " ipv6only=off" if host == "[::]" else ""
        lines.append(f"listen {host}:{port}{options}{both};\n")
    return _HEADER + "".join(lines)
