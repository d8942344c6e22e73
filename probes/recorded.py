"""What of a recording can be sent again, and to which sentence. Read without the dashboard.

A recording (`python -m dashboard --record FILE`) holds the lines of the access log, and those
hold who asked, when and where, never what: no body is logged. So a request is sent again with
a text of the corpus that its id chooses, always the same.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from gateway.accesslog import Access, BadLine, parse
from gateway.cohort import asked_for
from gateway.errors import ConfigurationError, Place
from gateway.regular_file import open_regular
from gateway.workload import Workload

FORMAT: Final = "switchyard-recording"
VERSION: Final = 1
TWIN: Final = "twin-"
"""How the id of a request starts that asked the other version the same (probes.again_run)."""

_CLIENT_LEFT: Final = 499


class Recorded(NamedTuple):
    """One request that can be sent again."""

    at: float
    """When it came, in seconds since the epoch."""
    request_id: str
    user: str
    """X-User-Id, "" if it had none that counts."""
    group: str
    """X-Experiment-Group: debug, control, the name of a further version, or ""."""

    def text(self, texts: int) -> int:
        """Which of so many texts it is sent with."""
        digest = hashlib.sha256(self.request_id.encode()).digest()
        return int.from_bytes(digest[:8]) % texts


@dataclass(slots=True)
class Recording:
    """The requests of a recording in the order in which they came."""

    requests: list[Recorded] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    """How many were not taken, by reason: another path or method ("elsewhere"), refused for what
    it was or who sent it ("refused"), or the second half of a pair of such a run ("twins")."""


def read_recording(path: Path, workload: Workload, most: int) -> Recording:
    """What can be sent again of the recording at `path`.

    Raises ConfigurationError naming the line: not a recording, or more than `most` requests. A
    last line that was cut off (the recorder was killed) ends the recording.
    """
    found = Recording()
    try:
        with os.fdopen(open_regular(path), encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, start=1):
                try:
                    access = _access(line, number)
                except (ValueError, KeyError, TypeError, RecursionError) as error:
                    if number > 1 and not line.endswith("\n"):
                        break
                    fix = "record anew with `python -m dashboard --record FILE`"
                    problem = f"not a line of a recording ({error})"
                    raise ConfigurationError(Place(str(path), number), problem, fix) from None
                if access is not None:
                    _take(found, access, workload)
                if len(found.requests) > most:
                    fix = "record a shorter while"
                    raise ConfigurationError(str(path), f"more than {most:,} requests", fix)
    except OSError as error:
        fix = "give a file of `python -m dashboard --record FILE`"
        raise ConfigurationError(str(path), error.strerror or str(error), fix) from None
    found.requests.sort(key=lambda request: request.at)
    return found


def _access(line: str, number: int) -> Access | None:
    """The request that a line holds, None if it holds another event."""
    value = json.loads(line)
    if number == 1:
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            raise ValueError("the first line does not say that it is one")
        if value.get("version") != VERSION:
            raise ValueError(f"version {value.get('version')!r}, this program reads {VERSION}")
        return None
    if value["kind"] != "hit":
        return None
    try:
        return parse(json.dumps(value["access"]).encode())
    except BadLine as error:
        raise ValueError(str(error)) from None


def _take(found: Recording, access: Access, workload: Workload) -> None:
    path = access.uri.partition("?")[0]
    if access.server != "gateway" or (access.method, path) != (workload.method, workload.path):
        found.left_out["elsewhere"] += 1
    elif access.request_id.startswith(TWIN):
        found.left_out["twins"] += 1
    elif not access.upstream_attempts or _is_refused(access.status):
        found.left_out["refused"] += 1
    else:
        came = access.time - access.request_time
        group = asked_for(access.cohort)
        found.requests.append(Recorded(came, access.request_id, access.user_id, group))


def _is_refused(status: int) -> bool:
    """A body or a head that the model could not take. A client that left says nothing of those."""
    return 400 <= status < 500 and status != _CLIENT_LEFT
