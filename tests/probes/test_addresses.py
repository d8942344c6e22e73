"""Probes that may run at the same time do not share an address."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from gateway.settings import load_settings
from probes import addresses
from probes.addresses import BURST_SOURCES, CHECK_SOURCES, DRILL_SOURCES, available, rested
from probes.drill_run import sources
from probes.limit_files import find_limit
from probes.sources import NO_CHOICE, PER_SOURCE, TRAFFIC_SOURCES
from probes.workspace import load_workspace

ROOT = Path(__file__).parents[2]
SETTINGS = load_settings(ROOT, {})


def test_no_address_has_two_purposes() -> None:
    groups = (TRAFFIC_SOURCES, CHECK_SOURCES, BURST_SOURCES, DRILL_SOURCES)
    for one, other in combinations(map(set, groups), 2):
        assert not one & other


def test_an_address_rests_until_its_allowance_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "available", lambda settings, wanted: wanted)
    limit = find_limit(ROOT, "/predict")
    assert limit is not None
    used: dict[str, float] = {}
    for step in range(400):
        now = 1_000_000.0 + step * addresses.SLOT_S
        monkeypatch.setattr("probes.addresses.time.time", lambda now=now: now)
        address = rested(SETTINGS)
        assert now - used.get(address, 0.0) > limit.recovery_s
        used[address] = now
    assert set(used) == set(BURST_SOURCES)


def test_a_machine_with_one_address_uses_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "traffic_sources", lambda _: NO_CHOICE)
    assert available(SETTINGS, CHECK_SOURCES) == NO_CHOICE
    assert rested(SETTINGS) == ""
    workspace = load_workspace(ROOT, {})
    assert sources(workspace, 8.0) == NO_CHOICE
    with pytest.raises(ValueError, match="up to 8"):
        sources(workspace, 9.0)


@pytest.mark.parametrize("rate", [1.0, 8.0, 80.0, 128.0])
def test_no_address_of_a_drill_sends_more_than_it_may(
    rate: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "traffic_sources", lambda _: TRAFFIC_SOURCES)
    assert rate / len(sources(load_workspace(ROOT, {}), rate)) <= PER_SOURCE
