"""What a run came to: counted by the JUnit report that pytest wrote, and said."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

from gateway.exit_codes import ExitCode

Counts = tuple[int, int, str]
"""passed, failed, note"""


def counts(report: Path, code: int) -> Counts:
    """What `report` says of a run that ended with `code`; the note names what was skipped, and why.

    A run that left no report, or failed without a failed test, counts as one failure.
    """
    try:
        root = ElementTree.parse(report).getroot()  # noqa: S314 - our own
    except (OSError, ElementTree.ParseError):
        return 0, 1, f"pytest ended with {code} before any test"
    total = failed = skipped = 0
    for suite in root.iter("testsuite"):
        total += int(suite.get("tests", "0"))
        failed += int(suite.get("failures", "0")) + int(suite.get("errors", "0"))
        skipped += int(suite.get("skipped", "0"))
    if code != 0 and failed == 0:
        failed = 1
    reasons = Counter(element.get("message", "") for element in root.iter("skipped"))
    note = "; ".join(f"{reason} ({count})" for reason, count in reasons.items())
    return max(total - failed - skipped, 0), failed, note


def report(found: Counts, what: str = "") -> ExitCode:
    """Print the note, if any, and the counts after `what`; the exit code that they stand for."""
    passed, failed, note = found
    lines = [*filter(None, [note]), f"{what}{passed} passed, {failed} failed"]
    sys.stdout.write("\n".join(lines) + "\n")
    return ExitCode.FAILED if failed else ExitCode.PASS
