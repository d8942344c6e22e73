"""What a screen reads before, between and after the runs of its test."""

from __future__ import annotations

from dashboard.events import TrialBegun, TrialEnded, TrialStep
from dashboard.feed import Feed
from dashboard.trials.base import Step, TrialName


def tell(feed: Feed, trial: TrialName, step: Step) -> None:
    """Add `step` to the last run of `trial`; without one, to one that is over at once.

    To be called where runs are started, so that none begins in between.
    """
    now = feed.now()
    if trial in feed.model.trials:
        feed.post(TrialStep(now, trial, step))
        return
    for event in (TrialBegun(now, trial), TrialStep(now, trial, step), TrialEnded(now, trial)):
        feed.post(event)
