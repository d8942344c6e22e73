"""The results of the checks as lines, as JSON (probes/checks.schema.json) and as JUnit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gateway.exit_codes import ExitCode
from gateway.visible import visible
from probes.checks.finding import Result
from probes.verdict import Verdict

SIGNS = {
    Verdict.PASSED: "ok",
    Verdict.FAILED: "FAILED",
    Verdict.ERROR: "ERROR",
    Verdict.INCONCLUSIVE: "UNCLEAR",
    Verdict.NOT_MEASURED: "-",
}
"""Words, not colours alone."""
GOOD = frozenset({Verdict.PASSED, Verdict.NOT_MEASURED})
_ELEMENTS = {
    Verdict.FAILED: "failure",
    Verdict.ERROR: "error",
    Verdict.INCONCLUSIVE: "error",
    Verdict.NOT_MEASURED: "skipped",
}


def exit_code(results: Iterable[Result]) -> ExitCode:
    """PASS unless a check failed, was an error or did not decide: none of these is a pass."""
    good = all(result.finding.verdict in GOOD for result in results)
    return ExitCode.PASS if good else ExitCode.FAILED


def line(result: Result) -> str:
    """One result for a person; the command only where something is to be looked at."""
    sign, check = SIGNS[result.finding.verdict], result.check
    text = f"{sign:<8}{check.id:<13} {result.seconds:5.2f} s  {result.finding.evidence}"
    if result.finding.verdict in GOOD:
        return text
    return f"{text}\n{'':<30}$ {visible(result.command)}"


def summary(results: Sequence[Result]) -> str:
    """How many of each, in one line."""
    counts = {
        verdict: sum(result.finding.verdict is verdict for result in results) for verdict in Verdict
    }
    found = ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count)
    return f"{found} in {sum(result.seconds for result in results):.1f} s"


def document(results: Iterable[Result]) -> dict[str, Any]:
    """As `check --json` prints it."""
    return {
        "checks": [
            {
                "id": result.check.id,
                "title": result.check.title,
                "outcome": result.finding.verdict.value,
                "evidence": result.finding.evidence,
                "seconds": round(result.seconds, 3),
                "command": result.command,
            }
            for result in results
        ]
    }


def write_junit(results: Sequence[Result], path: Path) -> None:
    """Write the results as JUnit XML, which every CI reads. Raises OSError."""
    # Only who asks for it pays for the parser that comes with it.
    from xml.etree import ElementTree

    verdicts = [result.finding.verdict for result in results]
    suite = ElementTree.Element(
        "testsuite",
        name="switchyard",
        tests=str(len(results)),
        failures=str(sum(_ELEMENTS.get(verdict) == "failure" for verdict in verdicts)),
        errors=str(sum(_ELEMENTS.get(verdict) == "error" for verdict in verdicts)),
        skipped=str(sum(_ELEMENTS.get(verdict) == "skipped" for verdict in verdicts)),
        time=f"{sum(result.seconds for result in results):.3f}",
    )
    for result in results:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname="switchyard.check",
            name=result.check.id,
            time=f"{result.seconds:.3f}",
        )
        verdict, evidence = result.finding.verdict, result.finding.evidence
        if verdict in _ELEMENTS:
            detail = ElementTree.SubElement(
                case, _ELEMENTS[verdict], type=verdict.value, message=evidence
            )
            detail.text = f"{evidence}\n$ {result.command}"
        else:
            ElementTree.SubElement(case, "system-out").text = f"{evidence}\n$ {result.command}"
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)
