"""Refuses requests that were meant for another host (DNS rebinding).

A page of a site whose name is made to resolve to 127.0.0.1 could otherwise ask an instance, and
read the answer, in the browser of whoever looks at it. The gateway always asks as `localhost`.
"""

import ipaddress
import re
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from services.errors import refusal

_PORT = re.compile(rb":\d*$")
_REFUSED = "This host is not served here: ask for localhost or 127.0.0.1"


@lru_cache(maxsize=64)
def is_local(host: bytes) -> bool:
    """Whether a Host header is an address, or a name that no site on the internet can have."""
    name = _PORT.sub(b"", host)
    if b"." not in name or name.startswith(b"["):
        return True
    try:
        ipaddress.IPv4Address(name.decode("ascii"))
    except ValueError:
        return False
    return True


class LocalHostMiddleware:
    """Pure ASGI layer that answers 421 to any other host; without the header there is no page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of the server."""
        if scope["type"] == "http":
            for name, value in scope["headers"]:
                if name == b"host":
                    if not is_local(value):
                        await refusal(scope, 421, _REFUSED)(scope, receive, send)
                        return
                    break
        await self._app(scope, receive, send)
