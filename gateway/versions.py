"""Which version answered, by the name in X-Instance."""

import re
from collections.abc import Mapping

_NUMBERED = re.compile(r".+-[1-9]\d{0,2}", re.ASCII)


def version_served(name: str, served: Mapping[str, str]) -> str | None:
    """The version that whoever calls itself `name` in X-Instance serves; None: nobody knows.

    `served`: the version of each declared instance. An engine that scales by itself (Ray Serve) may
    have more of a kind than are declared: where v1-1 is an instance of v1, so is v1-7.
    """
    if name in served or not _NUMBERED.fullmatch(name):
        return served.get(name)
    kind, _, _ = name.rpartition("-")
    versions = {v for known, v in served.items() if known.rpartition("-")[0] == kind}
    return versions.pop() if len(versions) == 1 else None
