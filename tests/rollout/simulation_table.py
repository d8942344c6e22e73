"""The table of docs/statistics.md: `python -m tests.rollout.simulation_table`, some 6 minutes.

Prints it, and ends with 1 if a bound is broken.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rollout import words
from tests.rollout import simulation
from tests.rollout.simulation import SEED


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    result: str
    bound: str
    kept: bool


def share_row(what: str, hits: int, runs: int, most: float) -> Row:
    """A share that must not be above `most`, with the error of a simulation of that size."""
    share = hits / runs
    error = 1.96 * math.sqrt(max(share * (1 - share), 1 / runs) / runs)
    kept = share <= most
    return Row(
        what,
        f"{words.share(share, 2)} +- {words.share(error, 2)} ({hits} of {runs:,})",
        f"<= {words.share(most, 1)}",
        kept,
    )


def onset_row(
    past: int, runs: int, weight: int = 25, failing: float = 0.2, near: bool = True, most: int = 15
) -> Row:
    """A failing v2 after a healthy past."""
    found = [simulation.onset(SEED + run, past, weight, failing, near) for run in range(runs)]
    seconds = np.array([one.seconds for one in found])
    bad = np.array([one.bad for one in found])
    late, many = np.quantile(seconds, 0.95), np.quantile(bad, 0.95)
    return Row(
        f"v2 fails {words.share(failing)} at {weight} % after {past:,} healthy v2 requests"
        f"{'' if near else ', share of requests as it falls'}",
        f"{np.median(seconds):.1f} s, {np.median(bad):.0f} bad; 95 % within {late:.1f} s and "
        f"{many:.0f} bad",
        f"10 s, {most} bad",
        bool(late <= 10 and many <= most),
    )


def slower_row(
    factor: float, runs: int, spread: float, by_user: float, weights: tuple[int, ...]
) -> Row:
    """A slower v2, or one that is not, at steps of 270 s one after the other."""
    total = []
    for run in range(runs):
        seconds = 0.0
        for weight in weights:
            found = simulation.slower(SEED + run, weight, factor, spread=spread, by_user=by_user)
            seconds += min(found, 270.0)
            if math.isfinite(found):
                break
        else:
            seconds = math.inf
        total.append(seconds)
    hits = sum(math.isfinite(one) for one in total)
    who = f", users differ by {by_user:g}" if by_user else ""
    where = " and ".join(f"{weight} %" for weight in weights)
    what = f"v2 {factor:.2f} times as slow at {where}, spread {spread:g}{who}"
    if factor == 1.0:
        return share_row(what, hits, runs, 0.015)
    result = f"caught in {words.share(hits / runs, 1)}, median after {np.median(total):.0f} s"
    return Row(what, result, ">= 90 %", hits >= 0.9 * runs)


def split_row(actual: float, runs: int, weight: int = 25) -> Row:
    """A split, right or wrong, with users that come back."""
    found = [
        simulation.split_found(SEED + run, weight, actual, 20_000, 40_000) for run in range(runs)
    ]
    hits = [one for one in found if one is not None]
    what = f"split of {actual:g} % configured as {weight} %, 40,000 requests of Zipf users"
    if actual == weight:
        return share_row(what, len(hits), runs, 0.01)
    result = (
        f"found in {words.share(len(hits) / runs, 1)}, median after {np.median(hits):,.0f} users"
    )
    return Row(what, result, ">= 90 %", len(hits) >= 0.9 * runs)


def rows() -> list[Callable[[], Row]]:
    """The table at full size."""

    def poisoned(weight: int) -> Row:
        hits = sum(simulation.poison(SEED + run, weight) is not None for run in range(200))
        return share_row(f"one busy user breaks v2 at {weight} %, 15 minutes", hits, 200, 0.0)

    def incident(weight: int) -> Row:
        hits = sum(simulation.shared_incident(SEED + run, weight) for run in range(1000))
        what = f"shared incident at {weight} %: 5 % of both fail, 500 failures"
        return share_row(what, hits, 1000, 0.03)

    def down(v2_fails: float) -> Row:
        found = [simulation.repeated(SEED + run, 25, 0.001, v2_fails, 300.0) for run in range(500)]
        late = float(np.quantile(found, 0.95))
        who = "v2 is dead" if v2_fails == 1 else f"v2 fails {words.share(v2_fails)} with 503"
        most = 10 if v2_fails == 1 else 75
        what = f"{who} at 25 %: repeated on v1, no client notices"
        result = f"{np.median(found):.1f} s; 95 % within {late:.1f} s"
        return Row(what, result, f"{most} s", late <= most)

    def shared_repeated() -> Row:
        found = [simulation.repeated(SEED + run, 25, 0.05, 0.05, 200.0) for run in range(1000)]
        hits = sum(math.isfinite(one) for one in found)
        what = "shared incident at 25 %: 5 % of both answer 503, 200 s"
        return share_row(what, hits, 1000, 0.03)

    def rollouts() -> Row:
        found = [simulation.rollout(SEED + run) for run in range(2000)]
        ended = [one for one in found if one is not None]
        row = share_row("healthy v2, whole rollout", len(ended), len(found), 0.015)
        why = ", ".join(f"{ended.count(name)} {name}" for name in sorted(set(ended)))
        return Row(row.what, f"{row.result} {why}".strip(), row.bound, row.kept)

    return [
        *(lambda past=past: onset_row(past, 500) for past in (0, 5000, 50_000)),
        lambda: onset_row(5000, 500, near=False, most=25),
        lambda: onset_row(5000, 500, weight=50, most=40),
        lambda: onset_row(5000, 500, weight=100, most=50),
        lambda: down(1.0),
        lambda: down(0.2),
        *(lambda weight=weight: incident(weight) for weight in (5, 25, 50)),
        shared_repeated,
        *(lambda weight=weight: poisoned(weight) for weight in (5, 25, 50, 100)),
        *(lambda spread=spread: slower_row(1.2, 200, spread, 0, (25, 50)) for spread in (0.3, 0.5)),
        lambda: slower_row(1.0, 500, 0.5, 0, (25,)),
        lambda: slower_row(1.0, 500, 0.5, 0.3, (25,)),
        lambda: split_row(25, 1000),
        lambda: split_row(28, 200),
        rollouts,
    ]


def main() -> int:
    """Print the table; 1 if a bound is broken."""
    print("| what | result | bound |\n| --- | --- | --- |")  # noqa: T201
    kept = True
    for make in rows():
        began = time.perf_counter()
        row = make()
        kept = kept and row.kept
        mark = "" if row.kept else " **BROKEN**"
        print(f"| {row.what} | {row.result} | {row.bound}{mark} |", flush=True)  # noqa: T201
        print(f"{time.perf_counter() - began:.0f} s", file=sys.stderr)  # noqa: T201
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
