"""Which user asks when, from which address and what: pure, and the same for the same values.

The schedule is open-loop: request i is due i / rate seconds after the start, however long
answers take, so that rate x time is the number of lines in the log.
"""

from __future__ import annotations

import itertools
import json
import math
import random
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from gateway.errors import ConfigurationError
from probes.sources import PER_SOURCE

FILE = "var/traffic.json"

MAX_USERS = 9_999
MAX_DURATION = 86_400.0
MAX_REQUESTS = 1_000_000
"""Half a gigabyte of access log."""

ZIPF_EXPONENT = 1.0
"""The n-th most active user asks 1 / n as often as the first: Zipf's own exponent (Human
Behavior and the Principle of Least Effort, 1949), and in effect the 0.99 that YCSB draws its
records with (Cooper et al., Benchmarking Cloud Serving Systems with YCSB, SoCC 2010). Of 200
users the first sends 17 % and the first ten 50 %, yet at 20 requests/s the last one is still
heard about once a minute, and the first stays below what one address may send."""

_SEED = 1
# How often a user is drawn anew because its address has no allowance left. After that the
# activity no longer matters, only that somebody may send.
_DRAWS = 16


@dataclass(frozen=True, slots=True)
class Demand:
    """What was asked for; `check` says whether it is possible."""

    rate: float = 20.0
    """Requests a second, all users together."""
    users: int = 200
    duration: float = 60.0
    """Seconds."""
    run: str = ""
    """Tells one run from the next in the log of the process."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the plan."""

    number: int
    due: float
    """Seconds after the start."""
    user: str
    """X-User-Id: u-0001 is the most active one."""
    source: str
    text: int
    """Index into the corpus."""


def read_demand(rate: str, users: str, duration: str, run: str, sources: int) -> Demand:
    """The values as a person typed them. Raises ConfigurationError naming the value."""
    return check(
        Demand(
            rate=_number("RATE", rate, "requests a second, such as RATE=20"),
            users=_whole("USERS", users),
            duration=_number("DURATION", duration, "seconds, such as DURATION=60"),
            run=run,
        ),
        sources,
    )


def check(demand: Demand, sources: int) -> Demand:
    """`demand`, if `sources` addresses can carry it. Raises ConfigurationError.

    With a single address the rate is not refused but lowered to what it may send: there is
    nothing that the person could do about it.
    """
    rate, users, duration = f"RATE={demand.rate:g}", f"USERS={demand.users}", demand.duration
    if not (math.isfinite(demand.rate) and demand.rate > 0):
        raise ConfigurationError(rate, "not above 0", "give requests a second, such as RATE=20")
    if not 1 <= demand.users <= MAX_USERS:
        raise ConfigurationError(users, "out of range", f"give a number from 1 to {MAX_USERS}")
    if not 0 < duration <= MAX_DURATION:
        fix = f"give seconds, above 0 and up to {MAX_DURATION:.0f} (a day)"
        raise ConfigurationError(f"DURATION={duration:g}", "out of range", fix)
    if sources == 1:
        demand = replace(demand, rate=min(demand.rate, float(PER_SOURCE)))
    most = PER_SOURCE * sources
    if demand.rate > most:
        problem = f"more than {most}, which is {PER_SOURCE} from each of {sources} addresses"
        raise ConfigurationError(rate, problem, f"give at most RATE={most}")
    needed = math.ceil(demand.rate / PER_SOURCE)
    if demand.users < needed:
        problem = f"too many for {users}: one user sends at most {PER_SOURCE} a second"
        raise ConfigurationError(rate, problem, f"give at least USERS={needed}")
    if demand.rate * duration > MAX_REQUESTS:
        problem = f"with DURATION={duration:g} more than {MAX_REQUESTS:,} requests"
        raise ConfigurationError(rate, problem, "lower one of the two")
    return demand


def to_json(demand: Demand) -> str:
    """The content of var/traffic.json."""
    return json.dumps(asdict(demand)) + "\n"


def from_json(text: str, sources: int) -> Demand:
    """The reverse of `to_json`. Raises ConfigurationError naming the file and what is wrong."""
    fix = "run `make traffic`, which writes it anew"
    try:
        values = json.loads(text)
    except ValueError:
        raise ConfigurationError(FILE, "not JSON", fix) from None
    kinds: dict[str, tuple[type, ...]] = {
        "rate": (int, float),
        "users": (int,),
        "duration": (int, float),
        "run": (str,),
    }
    if not isinstance(values, dict) or set(values) != set(kinds):
        raise ConfigurationError(FILE, f"not an object of {', '.join(kinds)}", fix)
    for key, kind in kinds.items():
        if type(values[key]) not in kind:  # not isinstance: true is an int
            raise ConfigurationError(FILE, f"{key} is {values[key]!r}", fix)
    try:
        return check(Demand(**values), sources)
    except (ConfigurationError, OverflowError) as error:
        raise ConfigurationError(FILE, str(error), fix) from None


def _number(name: str, text: str, what: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigurationError(f"{name}={text}", "not a number", f"give {what}") from None


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        fix = f"give a number from 1 to {MAX_USERS}"
        raise ConfigurationError(f"{name}={text}", "not a whole number", fix)
    return int(text)


def plan(demand: Demand, sources: Sequence[str], texts: int) -> Iterator[Request]:
    """The requests in the order in which they are due.

    User n sends through address n modulo their number, always. Of any PER_SOURCE + 1
    requests from one address the last is due at least a second after the first: a user whose
    address has no allowance left waits for the next draw. Somebody can always send, since
    fewer than `rate` requests are due in the second before, and `check` refuses a rate that
    all addresses together may not send.
    """
    draw = random.Random(_SEED)  # noqa: S311 - no secret depends on it
    weights = itertools.accumulate(n**-ZIPF_EXPONENT for n in range(1, demand.users + 1))
    cumulated = list(weights)
    used = sources[: demand.users]
    recent: list[deque[int]] = [deque(maxlen=PER_SOURCE) for _ in used]

    def may_send(place: int, number: int) -> bool:
        last = recent[place]
        return len(last) < PER_SOURCE or number - last[0] >= demand.rate

    for number in itertools.count():
        due = number / demand.rate
        if due >= demand.duration:
            return
        for _ in range(_DRAWS):
            (user,) = draw.choices(range(demand.users), cum_weights=cumulated)
            if may_send(user % len(used), number):
                break
        else:
            # The most active user of the first address that may, from a random one on.
            first = draw.randrange(len(used))
            places = ((first + step) % len(used) for step in range(len(used)))
            user = next(place for place in places if may_send(place, number))
        place = user % len(used)
        recent[place].append(number)
        yield Request(number, due, f"u-{user + 1:04d}", used[place], draw.randrange(texts))
