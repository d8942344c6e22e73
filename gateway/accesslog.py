"""The format of the access log: one JSON object for each request, one request for each line.

nginx writes the lines (`log_format` in nginx/conf.d/logging.conf), this module defines
their fields in Python, access-log.schema.json defines them for every other reader.
gateway.follow reads a log that is being written.
"""

import json
import re
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

FIELDS = (
    "time",
    "request_id",
    "remote_addr",
    "remote_user",
    "user_id",
    "method",
    "uri",
    "protocol",
    "status",
    "bytes_sent",
    "request_time",
    "cohort",
    "instance",
    "upstream_addr",
    "upstream_status",
    "upstream_response_time",
    "limit_req_status",
    "prediction",
    "ssl_protocol",
    "server",
    "user_agent",
)
"""Keys of a line in the order in which nginx writes them. Every value is a JSON string."""

_ABSENT = "-"
# Between two servers of one upstream, and between two upstreams (an internal redirect).
_RETRY = ", "
_REDIRECT = " : "
_SEPARATOR = re.compile(f"({_RETRY}|{_REDIRECT})")
_decode = json.JSONDecoder().raw_decode
_values_of = itemgetter(*FIELDS)
# A line in which nginx had nothing to escape. JSON, too, has no control characters in a string.
_UNESCAPED = r'"([^"\\\x00-\x1f]*+)"'
_as_written = re.compile(
    r"\{" + ",".join(f'"{name}":{_UNESCAPED}' for name in FIELDS) + r"\}"
).fullmatch
LATEST = 1e11
"""Seconds, as a time or a duration: the year 5138. Sums of more would end as infinite."""
_LONGEST_COUNT = 18
"""Digits: nginx counts in 64 bits."""


class BadLine(ValueError):
    """A line that is not an access log entry. The message says why, never what it held."""


class UpstreamAttempt(NamedTuple):
    """One server that nginx asked for the answer."""

    address: str
    """host:port, or the name of the upstream if none of its servers was available."""
    status: int | None
    """HTTP status; None if no answer came."""
    time: float | None
    """Seconds until the last byte of the answer; None if no answer came."""
    retried: bool
    """Whether nginx gave up on this server and asked another one."""


class Access(NamedTuple):
    """One request. Text that nginx had no value for is "".

    A named tuple, not a dataclass: a frozen dataclass takes five times as long to make,
    and one is made for each line.
    """

    time: float
    """When the request ended, in seconds since the epoch, to the millisecond."""
    request_id: str
    remote_addr: str
    remote_user: str
    """The name that was sent, whether or not the password was right."""
    user_id: str
    """X-User-Id, the key of the sticky cohort."""
    method: str
    uri: str
    """As the client wrote it, with the query; U+FFFD where it was not UTF-8."""
    protocol: str
    status: int
    """0 if the connection was closed before nginx chose a status."""
    bytes_sent: int
    """Bytes to the client, header included."""
    request_time: float
    """Seconds from the first byte of the request to the last byte of the response."""
    cohort: str
    """v1, canary, debug or control (gateway.cohort.Cohort); "" where no instance was asked."""
    instance: str
    """X-Instance of the response."""
    upstream_attempts: tuple[UpstreamAttempt, ...]
    """In order; () if nginx answered by itself."""
    limit_req_status: str
    """PASSED, DELAYED, REJECTED and their _DRY_RUN forms."""
    prediction: str
    ssl_protocol: str
    server: str
    """Which server block: gateway, redirect or unknown-host."""
    user_agent: str

    @property
    def upstream(self) -> str | None:
        """Address of the server whose answer the client got, None if nginx answered."""
        return self.upstream_attempts[-1].address if self.upstream_attempts else None

    @property
    def retried(self) -> bool:
        """Whether more than one server of an upstream was asked."""
        return any(attempt.retried for attempt in self.upstream_attempts)


def parse(line: bytes) -> Access:
    """The request that a line, given without its newline, describes.

    Keys that are not in FIELDS are ignored. Raises BadLine.
    """
    try:
        # nginx passes bytes of the client through, so a line need not be UTF-8.
        values = _values(line.decode("utf-8", "replace"))
        (
            time,
            request_id,
            remote_addr,
            remote_user,
            user_id,
            method,
            uri,
            protocol,
            status,
            bytes_sent,
            request_time,
            cohort,
            instance,
            upstream_addr,
            upstream_status,
            upstream_response_time,
            limit_req_status,
            prediction,
            ssl_protocol,
            server,
            user_agent,
        ) = ["" if value == _ABSENT else value for value in values] if _ABSENT in values else values
        return Access(
            _seconds(time),
            request_id,
            remote_addr,
            remote_user,
            user_id,
            method,
            uri,
            protocol,
            _status(status),
            _count(bytes_sent),
            _seconds(request_time),
            cohort,
            instance,
            _attempts(upstream_addr, upstream_status, upstream_response_time),
            limit_req_status,
            prediction,
            ssl_protocol,
            server,
            user_agent,
        )
    except BadLine:
        raise
    except KeyError as missing:
        raise BadLine(f"no field {missing}") from None
    except TypeError:
        raise BadLine("not a JSON object of strings") from None
    except (ValueError, RecursionError) as error:
        raise BadLine(f"not JSON ({type(error).__name__})") from None


def _values(text: str) -> tuple[str, ...]:
    """Those of FIELDS. Raises BadLine, KeyError, TypeError, ValueError, RecursionError."""
    # Takes 60 % of the time of a JSON parser, and most lines are such ones.
    if found := _as_written(text):
        return found.groups()
    # A quarter less time than json.loads, which first looks for spaces around the value.
    record, end = _decode(text)
    if end != len(text):
        raise BadLine("more than one JSON value")
    values: tuple[str, ...] = _values_of(record)
    # The quickest way to a TypeError if one of them is not a string.
    joined = "".join(values)
    if not joined.isascii():
        # Half a surrogate pair, as \ud800, is a string that nothing can print.
        joined.encode()
    return values


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise BadLine("a time is not a number") from None
    if not 0.0 <= value < LATEST:  # also refuses NaN, which would poison every sum
        raise BadLine("a time is out of range")
    return value


def _status(text: str) -> int:
    if len(text) == 3 and text.isdecimal():
        return int(text)
    raise BadLine("a status is not three digits")


def _count(text: str) -> int:
    if len(text) <= _LONGEST_COUNT and text.isdecimal():
        return int(text)
    raise BadLine("a size is not a number")


# The same few servers, statuses and milliseconds come again and again.
@lru_cache(maxsize=1024)
def _attempts(addresses: str, statuses: str, times: str) -> tuple[UpstreamAttempt, ...]:
    if not addresses:
        return ()
    if _RETRY not in addresses and _REDIRECT not in addresses:
        return (_attempt(addresses, statuses, times, retried=False),)
    parts = _SEPARATOR.split(addresses)
    separators = [*parts[1::2], ""]
    status_parts = _SEPARATOR.split(statuses)[::2]
    time_parts = _SEPARATOR.split(times)[::2]
    attempts = []
    for index, (address, separator) in enumerate(zip(parts[::2], separators, strict=True)):
        if address:  # an internal redirect that asked nobody leaves a separator at the end
            status = status_parts[index] if index < len(status_parts) else ""
            time = time_parts[index] if index < len(time_parts) else ""
            attempts.append(_attempt(address, status, time, retried=separator == _RETRY))
    return tuple(attempts)


def _attempt(address: str, status: str, time: str, *, retried: bool) -> UpstreamAttempt:
    return UpstreamAttempt(
        address,
        None if status in ("", _ABSENT) else _status(status),
        None if time in ("", _ABSENT) else _seconds(time),
        retried,
    )
