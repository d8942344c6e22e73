"""What v2 said to copies of requests, and how often v1 said the same.

nginx writes a line to var/logs/shadow.jsonl where a copy has been delivered (`log_format
shadow_json` in nginx/conf.d/logging.conf). The request id is that of the original's line in
the access log, so both answers can be joined whatever the application is.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from gateway import plain_json
from gateway.accesslog import LATEST, Access, BadLine
from gateway.cohort import Cohort

FILE: Final = "var/logs/shadow.jsonl"
FIELDS: Final = (
    "time",
    "request_id",
    "status",
    "instance",
    "upstream_addr",
    "upstream_response_time",
    "prediction",
)
"""Keys of a line in the order in which nginx writes them. Every value is a JSON string."""
_COPIED: Final = frozenset({Cohort.V1.value, Cohort.CONTROL.value})
_UNJOINED: Final = 10_000
"""Answers kept until the other one comes; a copy is delivered within seconds or never."""


Kept = TypeVar("Kept")


class Shadow(NamedTuple):
    """One delivered copy. Text that nginx had no value for is ""."""

    time: float
    """When the delivery ended, in seconds since the epoch."""
    request_id: str
    status: int
    instance: str
    upstream: str
    """host:port of the server that was asked, or the name of the upstream if none was available."""
    prediction: str


def parse(line: bytes) -> Shadow:
    """The copy that a line, given without its newline, describes. Raises BadLine."""
    try:
        record = plain_json.loads(line.decode("utf-8", "replace"))
        time, request_id, status, instance, upstream, _, prediction = (
            str(record[key]) for key in FIELDS
        )
        if not (len(status) == 3 and status.isascii() and status.isdecimal()):
            raise BadLine("a status is not three digits")
        ended = float(time)
        if not 0.0 <= ended < LATEST:  # also refuses NaN
            raise BadLine("a time is out of range")
        return Shadow(ended, request_id, int(status), instance, upstream, prediction)
    except BadLine:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise BadLine(f"not a line of the shadow log ({type(error).__name__})") from None


@dataclass(slots=True)
class Agreement:
    """How the answers of v1 and v2 to the same requests compare."""

    same: int = 0
    different: int = 0
    failed: int = 0
    """Copies that v2 did not answer with 200."""
    silent: int = 0
    """Pairs in which an answer names no prediction (no X-Prediction header)."""

    @property
    def pairs(self) -> int:
        """Requests with both answers in hand."""
        return self.same + self.different

    @property
    def share(self) -> float | None:
        """Of the pairs, how many agree; None where there is none."""
        return self.same / self.pairs if self.pairs else None


class Join:
    """Joins the two logs as they grow, in any order."""

    def __init__(self) -> None:
        self.agreement = Agreement()
        self._originals: OrderedDict[str, Access] = OrderedDict()
        self._copies: OrderedDict[str, Shadow] = OrderedDict()

    def original(self, access: Access) -> None:
        """A line of the access log. Only requests that v1 answered can have been copied."""
        if access.status != 200 or access.cohort not in _COPIED:
            return
        if (copy := self._copies.pop(access.request_id, None)) is not None:
            self._compare(access, copy)
        else:
            _keep(self._originals, access.request_id, access)

    def copy(self, shadow: Shadow) -> None:
        """A line of the shadow log."""
        if shadow.status != 200:
            self.agreement.failed += 1
        elif (access := self._originals.pop(shadow.request_id, None)) is not None:
            self._compare(access, shadow)
        else:
            _keep(self._copies, shadow.request_id, shadow)

    def _compare(self, access: Access, shadow: Shadow) -> None:
        if not access.prediction or not shadow.prediction:
            self.agreement.silent += 1
        elif access.prediction == shadow.prediction:
            self.agreement.same += 1
        else:
            self.agreement.different += 1


def _keep(waiting: "OrderedDict[str, Kept]", key: str, value: Kept) -> None:
    waiting[key] = value
    if len(waiting) > _UNJOINED:
        waiting.popitem(last=False)
