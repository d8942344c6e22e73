"""What `canary` says, as lines for a person."""

from __future__ import annotations

import time

from gateway.canary import Experiment
from gateway.visible import visible
from probes.canary_change import Changed, way_back
from probes.canary_report import WINDOW_S, Report, Who

_MINUTES = f"last {WINDOW_S // 60} min"


def report_lines(found: Report, version: str) -> list[str]:
    """What is tried now, and what it has come to; `version` is the one that is tried."""
    now, counts, agreement = found.experiment, found.counts, found.agreement
    lines = [f"canary   {weight_words(now, version)}"]
    if now.weight or counts.requests:
        lines.append(
            f"         {_MINUTES}: {counts.requests} requests, {counts.by_canary} answered by "
            f"{version}, {counts.fallbacks} by v1 in its stead, {counts.failed} failed"
        )
    lines.append(f"shadow   {shadow_words(now, version)}")
    if now.shadow or found.copies:
        share = (
            "none compared yet"
            if agreement.share is None
            else f"{agreement.share * 100:.1f} % agree"
        )
        silent = f", {agreement.silent} without X-Prediction" if agreement.silent else ""
        lines.append(
            f"         {_MINUTES}: {found.copies} copies, {agreement.pairs} compared, {share}, "
            f"{agreement.failed} failed{silent}"
        )
    lines.append(f"drained  {now.drained or 'nothing'}")
    if found.since is not None:
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(found.since))
        lines.append(f"since    {moment}")
    return [visible(line) for line in lines]


def change_lines(changed: Changed, version: str) -> list[str]:
    """What was changed, and how to go back."""
    before, after = changed.before, changed.after
    rows = [
        ("canary", None if before is None else weight_words(before, version),
         weight_words(after, version)),
        ("shadow", None if before is None else shadow_words(before, version),
         shadow_words(after, version)),
        ("drained", None if before is None else before.drained or "nothing",
         after.drained or "nothing"),
    ]  # fmt: skip
    lines = []
    for name, old, new in rows:
        text = new if old == new else f"{'unreadable' if old is None else old} -> {new}"
        lines.append(f"{name:<8} {text}")
    if (back := way_back(changed)) is not None:
        lines.append(f"back     {back}")
    return [visible(line) for line in lines]


def who_line(found: Who) -> str:
    """Where the requests of one user go."""
    return visible(
        f"{found.user}  bucket {found.bucket:02d}  cohort {found.cohort.value}  "
        f"answered by {found.version}  in the canary from {found.canary_from} % on"
    )


def weight_words(experiment: Experiment, version: str) -> str:
    """The share of the users, and which buckets that are."""
    weight = experiment.weight
    if not weight:
        return "off"
    buckets = "bucket 00" if weight == 1 else f"buckets 00 to {weight - 1:02d}"
    return f"{weight} % of users to {version} ({buckets})"


def shadow_words(experiment: Experiment, version: str) -> str:
    """The share of the requests that is copied."""
    if not experiment.shadow:
        return "off"
    return f"{experiment.shadow} % of requests to v1 copied to {version}"
