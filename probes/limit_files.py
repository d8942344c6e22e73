"""The rate limit of the workload's path, as the nginx files state it, and what it lets through.

https://nginx.org/en/docs/http/ngx_http_limit_req_module.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Place, TopologyError
from gateway.nginx_files import FOLDER, Directive, read_nginx

DEFAULT_STATUS = 503
"""What nginx answers where limit_req_status says nothing else."""

_RATE = re.compile(r"rate=(\d+)r/(s|m)")
_ZONE = re.compile(r"zone=([^:=]+)(?::.*)?")
_MILLI = 1000


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What one client address may ask of one path."""

    per_minute: int
    """Requests a minute, so that 30r/m and 10r/s are both whole numbers."""
    burst: int
    """Requests beyond the rate that are not refused."""
    delayed: bool
    """Whether some of those are held back to the rate (no `nodelay`)."""
    status: int
    """Of a refusal."""
    place: Place
    """The line with the `limit_req`."""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.per_minute / 60

    @property
    def at_once(self) -> int:
        """How many requests of a simultaneous burst pass: the burst and one within the rate."""
        return self.burst + 1

    @property
    def recovery_s(self) -> float:
        """After so many seconds without a request the whole burst is there again."""
        return self.at_once / self.rate

    def passes(self, times: Iterable[float]) -> list[bool]:
        """For requests at these seconds, ascending: which are let through.

        The leaky bucket of ngx_http_limit_req_lookup, in its whole thousandths of a request
        and milliseconds.
        """
        rate = self.per_minute * _MILLI // 60
        result: list[bool] = []
        excess, last = 0, None
        for seconds in times:
            now = int(seconds * _MILLI)
            wanted = 0 if last is None else max(0, excess - rate * (now - last) // _MILLI + _MILLI)
            passed = wanted <= self.burst * _MILLI
            if passed:
                excess, last = wanted, now
            result.append(passed)
        return result


def find_limit(root: Path, path: str) -> RateLimit | None:
    """The limit of `location = path` below root/nginx; None if there is none.

    Of several, the one with the smallest burst. Raises TopologyError naming the line when a
    `limit_req` cannot be understood.
    """
    top = read_nginx(root)
    levels = _levels(top, path)
    if levels is None:
        problem = f"no `location = {path}` with a proxy_pass"
        raise TopologyError(Place("nginx"), problem, "correct `path` in workload.yaml")
    # nginx inherits limit_req from the level above only where a level has none of its own.
    directives = next(filter(None, (_named(level, "limit_req") for level in levels)), [])
    statuses = next(filter(None, (_named(level, "limit_req_status") for level in levels)), [])
    status = int(statuses[0].args[0]) if statuses else DEFAULT_STATUS
    limits = [_limit(directive, top, status) for directive in directives]
    return min(limits, key=lambda limit: limit.burst, default=None)


def _levels(
    top: Sequence[Directive], path: str
) -> tuple[list[Directive], Sequence[Directive], list[Directive]] | None:
    """Directives of the location, of its server, and of the http level."""
    # Included files hold http directives at their top.
    http = [*top, *(child for each in _named(top, "http") for child in each.block or ())]
    for server in _named(http, "server"):
        for location in _named(server.block or (), "location"):
            inside = _with_included(location.block or (), top)
            if location.args == ("=", path.partition("?")[0]) and _named(inside, "proxy_pass"):
                return inside, server.block or (), http
    return None


def _with_included(block: Iterable[Directive], top: Sequence[Directive]) -> list[Directive]:
    """The directives of a block, with those of the files that it includes in their place."""
    found: list[Directive] = []
    for directive in block:
        if directive.name == "include" and directive.args:
            file = f"{FOLDER}/{directive.args[0]}"
            inside = (each for each in top if each.place.file == file)
            found += _with_included(inside, top)
        else:
            found.append(directive)
    return found


def _named(directives: Iterable[Directive], name: str) -> list[Directive]:
    return [directive for directive in directives if directive.name == name]


def _limit(directive: Directive, top: Sequence[Directive], status: int) -> RateLimit:
    options = dict(arg.partition("=")[::2] for arg in directive.args)
    zone = options.get("zone")
    burst = options.get("burst", "0")
    if not zone or not (burst.isascii() and burst.isdecimal()):
        problem, fix = "limit_req without a zone, or with a bad burst", "see the module's manual"
        raise TopologyError(directive.place, problem, fix)
    return RateLimit(
        per_minute=_per_minute(directive, zone, top),
        burst=int(burst),
        delayed="nodelay" not in directive.args,
        status=status,
        place=directive.place,
    )


def _per_minute(directive: Directive, zone: str, top: Sequence[Directive]) -> int:
    for each in (inner for outer in top for inner in outer.walk()):
        if each.name != "limit_req_zone":
            continue
        names = [match[1] for arg in each.args if (match := _ZONE.fullmatch(arg))]
        rates = [match for arg in each.args if (match := _RATE.fullmatch(arg))]
        if names == [zone]:
            if len(rates) != 1 or int(rates[0][1]) == 0:
                fix = "write rate=10r/s or rate=30r/m"
                raise TopologyError(each.place, "limit_req_zone without a usable rate", fix)
            return int(rates[0][1]) * (60 if rates[0][2] == "s" else 1)
    problem = f"no limit_req_zone declares the zone {zone!r}"
    raise TopologyError(directive.place, problem, "correct the name of the zone")
