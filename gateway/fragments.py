"""The few lines of nginx configuration that vary by machine, below var/nginx/.

Everything else stands literally in nginx/. A fragment is only written when its text
changes, so an unchanged workspace stays untouched.
"""

import socket
from pathlib import Path

from gateway.atomic import replace_file
from gateway.nginx_build import Version
from gateway.settings import Settings

FOLDER = "var/nginx"
LISTEN_HTTPS = f"{FOLDER}/listen-https.conf"
LISTEN_HTTP = f"{FOLDER}/listen-http.conf"
HTTPS_PORT_SUFFIX = f"{FOLDER}/https-port-suffix.conf"
MAIN_USER = f"{FOLDER}/main-user.conf"

HTTP2_DIRECTIVE = (1, 25, 1)
"""From this version on `http2` is a directive of its own (changes of nginx 1.25.1)."""
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
    if version is not None and version >= HTTP2_DIRECTIVE:
        return _listen(hosts, port, " ssl") + "http2 on;\n"
    return _listen(hosts, port, " ssl http2")


def listen_http(hosts: tuple[str, ...], port: int) -> str:
    """The text of listen-http.conf."""
    return _listen(hosts, port, "")


def https_port_suffix(settings: Settings) -> str:
    """The text of https-port-suffix.conf: a map without a source is a constant."""
    return f'{_HEADER}map "" $https_port_suffix {{ default "{settings.https_port_suffix}"; }}\n'


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
