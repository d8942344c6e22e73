"""What makes the claims' row of the test matrix fail."""

import subprocess
import sys

import pytest

from bench.claims import CLAIMS
from scripts import claimed

HOLDS = "print('| kill | holds | 0 lost |\\n' * %d); raise SystemExit(%d)"


@pytest.fixture(autouse=True)
def nothing_to_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    real = subprocess.run

    def without_bootstrap(words: list[str], **options: object) -> object:
        return None if "bootstrap" in words[0] else real(words, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "run", without_bootstrap)


def test_as_many_are_counted_as_there_are() -> None:
    assert len(CLAIMS) == claimed.CLAIMS


@pytest.mark.parametrize(
    ("held", "code", "counts"), [(5, 0, (5, 0)), (4, 1, (4, 1)), (5, 1, (5, 1)), (0, 2, (0, 5))]
)
def test_a_claim_that_does_not_hold_fails(held: int, code: int, counts: tuple[int, int]) -> None:
    passed, failed, note = claimed.run([sys.executable, "-c", HOLDS % (held, code)])
    assert (passed, failed) == counts
    assert bool(note) == bool(failed)
