"""Whether an answer is that of the instance that should be at its address. Pure."""

from __future__ import annotations

from http import HTTPStatus

from gateway.accesslog import Access


class Strangers:
    """Remembers which instances give their name (X-Instance)."""

    def __init__(self) -> None:
        self._named: set[str] = set()

    def is_one(self, access: Access, instance: str) -> bool:
        """Whether somebody else answered at the address of the declared `instance`.

        Without a name an answer is strange only where there was one before: not every server
        has to give it.
        """
        if access.status != HTTPStatus.OK:
            return False
        if access.instance == instance:
            self._named.add(instance)
            return False
        return access.instance != "" or instance in self._named
