"""The settings of a workspace: the demo login and where the gateway listens.

`.env` holds the defaults. A variable of the environment wins over it, so that a
test or a second clone can move the ports without editing a file.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import Place, SettingsError, in_words
from gateway.ports import parse_port

__all__ = [
    "DEMO_PASSWORD",
    "KEYS",
    "MAX_PASSWORD_BYTES",
    "IPAddress",
    "Settings",
    "SettingsError",
    "load_settings",
    "parse_dotenv",
]

FILE = ".env"
KEYS = (
    "GATEWAY_USER",
    "GATEWAY_PASSWORD",
    "GATEWAY_HTTPS_PORT",
    "GATEWAY_HTTP_PORT",
    "GATEWAY_LISTEN_ADDRESS",
)
DEMO_PASSWORD = "admin"  # noqa: S105 - public on purpose, and refused beyond loopback
MAX_PASSWORD_BYTES = 128
"""`openssl passwd` cuts longer ones (at 256) without an error."""

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=[ \t]*(.*)", re.DOTALL)
_QUOTED = re.compile(r"""(?P<quote>['"])(?P<value>(?:(?!(?P=quote)).)*)(?P=quote)\s*(?:#.*)?""")
_COMMENT = re.compile(r"(?:^|\s)#.*")


@dataclass(frozen=True, slots=True)
class Settings:
    """The five values that vary from one workspace to the next."""

    user: str
    password: str = field(repr=False)
    https_port: int
    http_port: int
    listen_address: str
    """An IP address without brackets, in its shortest form."""

    @property
    def address(self) -> IPAddress:
        """The listen address, parsed."""
        return ipaddress.ip_address(self.listen_address)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the gateway."""
        return self.address.is_loopback

    @property
    def https_port_suffix(self) -> str:
        """What follows the host in an https address: ":8443", nothing for 443."""
        return "" if self.https_port == 443 else f":{self.https_port}"

    @property
    def url(self) -> str:
        """The address of the gateway for a client on this machine, without a final slash.

        The certificate is issued for localhost, so it is the name used wherever it reaches.
        """
        if self.is_loopback or self.address.is_unspecified:
            return f"https://localhost{self.https_port_suffix}"
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"https://{host}{self.https_port_suffix}"


@dataclass(frozen=True, slots=True)
class _Value:
    text: str
    place: Place


def load_settings(root: Path, environ: Mapping[str, str]) -> Settings:
    """The settings of the workspace at `root`: its .env, overridden by variables of `environ`.

    A variable that is set but empty counts as absent, as in `${NAME:-default}`.
    Raises SettingsError (file, line, what to do) for a line that cannot be read, a
    missing value, a bad port or address, or two equal ports.
    """
    values = _read(root)
    for key in KEYS:
        if environ.get(key):
            values[key] = _Value(environ[key], Place(f"environment variable {key}"))
    for key in KEYS:
        if key not in values:
            raise SettingsError(Place(FILE), f"{key} is not set", f"add a line {key}=...")
    https, http = values["GATEWAY_HTTPS_PORT"], values["GATEWAY_HTTP_PORT"]
    settings = Settings(
        user=_user(values["GATEWAY_USER"]),
        password=_password(values["GATEWAY_PASSWORD"]),
        https_port=_port("GATEWAY_HTTPS_PORT", https),
        http_port=_port("GATEWAY_HTTP_PORT", http),
        listen_address=_listen_address(values["GATEWAY_LISTEN_ADDRESS"]),
    )
    if settings.https_port == settings.http_port:
        raise SettingsError(
            http.place,
            f"GATEWAY_HTTP_PORT and GATEWAY_HTTPS_PORT ({https.place}) are both {http.text}",
            "give the redirect a port of its own, for example 8080",
        )
    return settings


def parse_dotenv(text: str, file: str = FILE) -> dict[str, tuple[str, int]]:
    """Each key of a .env file with its value and line number.

    Only what every reader of such files understands alike is accepted: process-compose
    expands `$` and backslashes outside single quotes, shells and make do it differently,
    so such a value has to be written in single quotes. Raises SettingsError.
    """
    found: dict[str, tuple[str, int]] = {}
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.removesuffix("\r")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        place = Place(file, number)
        match = _ASSIGNMENT.fullmatch(line)
        if match is None:
            raise SettingsError(place, "not a line KEY=value", "correct it or start it with #")
        key, value = match[1], _unquote(match[2], place)
        if key in found:
            problem = f"{key} is set a second time (first on line {found[key][1]})"
            raise SettingsError(place, problem, "remove one of the two lines")
        found[key] = (value, number)
    return found


def _unquote(text: str, place: Place) -> str:
    quoted = _QUOTED.fullmatch(text)
    if quoted is not None:
        quote, value = quoted["quote"], quoted["value"]
        literal = quote == "'" or not set(value) & set("$\\`")
    else:
        value = _COMMENT.sub("", text).strip()
        literal = not set(value) & set("$\\`'\"#")
    # A control character (a tab, a form feed) is a slip of the editor, never a setting.
    if not literal or not value.isprintable():
        fix = "write it in single quotes, without control characters"
        raise SettingsError(place, "the value is not taken literally by every reader", fix)
    return value


def _read(root: Path) -> dict[str, _Value]:
    try:
        text = (root / FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            Place(FILE), f"cannot be read ({in_words(error)})", "make it readable"
        ) from None
    values = {key: _Value(value, Place(FILE, n)) for key, (value, n) in parse_dotenv(text).items()}
    for key, value in values.items():
        # A misspelt name would otherwise be ignored without a word.
        if key.startswith("GATEWAY_") and key not in KEYS:
            problem = f"{key} is not a setting"
            raise SettingsError(value.place, problem, f"use one of {', '.join(KEYS)}")
    return values


def _port(key: str, value: _Value) -> int:
    port = parse_port(value.text)
    if port is not None:
        return port
    problem = f"{key} is {value.text!r}"
    raise SettingsError(value.place, problem, "give a whole number from 1 to 65535")


def _user(value: _Value) -> str:
    # The colon separates name and password in basic authentication (RFC 7617, section 2).
    if value.text and ":" not in value.text and value.text.isprintable():
        return value.text
    problem = "GATEWAY_USER is empty or contains a colon or a control character"
    raise SettingsError(value.place, problem, "choose another name")


def _password(value: _Value) -> str:
    # Never quoted in the message.
    size = len(value.text.encode("utf-8", "surrogateescape"))
    if value.text.isprintable() and 1 <= size <= MAX_PASSWORD_BYTES:
        return value.text
    problem = f"GATEWAY_PASSWORD is empty, longer than {MAX_PASSWORD_BYTES} bytes or not printable"
    raise SettingsError(value.place, problem, "choose another password")


def _listen_address(value: _Value) -> str:
    try:
        address = ipaddress.ip_address(value.text)
        # A zone may hold any character, and nginx takes none in a `listen`.
        if "%" in value.text:
            raise ValueError("a zone")
        return str(address)
    except ValueError:
        problem = f"GATEWAY_LISTEN_ADDRESS is {value.text!r}, not an IP address"
        fix = "write one such as 127.0.0.1, without port, brackets or zone"
        raise SettingsError(value.place, problem, fix) from None
