"""One request in full: its log line as JSON, and the curl command that sends it again."""

from __future__ import annotations

import json
import shlex
import textwrap
from urllib.parse import quote

from dashboard.lines import Cell, Line, Tone, safe
from dashboard.log_fields import log_fields
from gateway.accesslog import Access
from gateway.cohort import asked_for

CERTIFICATE = "nginx/certs/nginx.crt"
# Everything that may stand in a request target; the rest is percent-encoded.
_TARGET = "/?#[]@!$&'()*+,;=:%-._~"


def detail(access: Access, url: str, body: str, columns: int) -> tuple[Line, ...]:
    """How to repeat the request, then every field, in lines of at most `columns`."""
    command = textwrap.wrap(curl(access, url, body), max(20, columns - 4), break_on_hyphens=False)
    lines: list[Line] = [(Cell(f"  {part}", Tone.ACCENT),) for part in command]
    lines.append(())
    fields = log_fields(access)
    widest = max(len(name) for name in fields)
    for name, value in fields.items():
        shown = safe(json.dumps(value, ensure_ascii=False), 400)
        lines.append((Cell(f"  {name:<{widest}}  ", Tone.MUTED), Cell(shown)))
    return tuple(lines)


def as_json(access: Access) -> str:
    """The log line, indented; ASCII only."""
    return json.dumps(log_fields(access), indent=2)


def curl(access: Access, url: str, body: str) -> str:
    """The command that asks again, with `body`, since the log holds none.

    Safe to paste: every word is quoted for the shell and holds printable ASCII only. curl
    asks for the password.
    """
    words = ["curl"]
    plain = access.server == "redirect"
    if not plain:
        words += ["--cacert", CERTIFICATE]
        if access.remote_user:
            words += ["--user", _ascii(access.remote_user)]
    if access.user_id:
        words += ["--header", f"X-User-Id: {_ascii(access.user_id)}"]
    if group := asked_for(access.cohort):
        words += ["--header", f"X-Experiment-Group: {group}"]
    if access.method in ("POST", "PUT", "PATCH"):
        words += ["--json", body]
    if access.method not in ("GET", "POST", ""):
        words += ["--request", _ascii(access.method)]
    target = quote(access.uri.encode("utf-8", "replace"), safe=_TARGET)
    return shlex.join([*words, _ascii(url) + (target if target.startswith("/") else "/" + target)])


def _ascii(text: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text)
