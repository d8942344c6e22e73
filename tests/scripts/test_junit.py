"""What is read out of a JUnit report."""

from __future__ import annotations

from pathlib import Path

from scripts import junit

SUITE = """\
<testsuites><testsuite tests="5" failures="1" errors="1" skipped="1">
<testcase name="t"><skipped message="not covered: nix"/></testcase>
</testsuite></testsuites>
"""


def report(folder: Path, text: str) -> Path:
    path = folder / "report.xml"
    path.write_text(text)
    return path


def test_what_passed_failed_and_was_skipped(tmp_path: Path) -> None:
    found = junit.counts(report(tmp_path, SUITE), 1)
    assert found == (2, 2, "not covered: nix (1)")


def test_a_run_that_failed_without_a_failed_test_is_a_failure(tmp_path: Path) -> None:
    path = report(tmp_path, '<testsuites><testsuite tests="3"></testsuite></testsuites>')
    assert junit.counts(path, 0) == (3, 0, "")
    assert junit.counts(path, 3) == (2, 1, "")


def test_without_a_report_nothing_passed(tmp_path: Path) -> None:
    expected = (0, 1, "pytest ended with 4 before any test")
    assert junit.counts(tmp_path / "none.xml", 4) == expected
    assert junit.counts(report(tmp_path, "<testsuites>"), 4) == expected
