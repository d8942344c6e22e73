"""Clients of the running gateway, each with a source address of its own."""

from __future__ import annotations

import ssl

import httpx


class Clients:
    """Opens clients and closes them all; tests take addresses apart, so limits do not meet."""

    def __init__(self, port: int, certificate: str) -> None:
        self._port = port
        self.trust = ssl.create_default_context(cafile=certificate)
        self._opened: list[httpx.Client] = []

    def __call__(
        self,
        source: str,
        login: tuple[str, str] | None = ("admin", "admin"),
        host: str = "localhost",
    ) -> httpx.Client:
        """A client that connects from the loopback address `source`."""
        client = httpx.Client(
            base_url=f"https://{host}:{self._port}",
            auth=login,
            transport=httpx.HTTPTransport(verify=self.trust, local_address=source),
            timeout=10.0,
        )
        self._opened.append(client)
        return client

    def close(self) -> None:
        """Close every client."""
        for client in self._opened:
            client.close()
