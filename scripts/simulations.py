"""The large simulations of a rollout against docs/statistics.md: `python -m scripts.simulations`.

The figures are those of tests/rollout/simulation_table.py: 4 minutes of one core, fixed seeds.
Each row of the table is one check, which fails when its figure is outside the bound, and when
the page says anything else than was printed. The exit code is 1 when a check failed.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts import junit
from scripts.junit import Counts

ROOT = Path(__file__).resolve().parent.parent
PAGE = "docs/statistics.md"
COMMAND = (sys.executable, "-m", "tests.rollout.simulation_table")
HEAD = "| what | result | bound |"
BROKEN = "**BROKEN**"
"""What the table says behind a figure that is outside its bound."""


def run(command: Sequence[str] = COMMAND, page: Path = ROOT / PAGE) -> Counts:
    """Run the simulations and print their table, then where it is not that of `page`."""
    printed: list[str] = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None  # noqa: S101 - for mypy
        for line in program.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            printed.append(line)
    marked, documented = rows("".join(printed)), rows(page.read_text(encoding="utf-8"))
    outside = {what for what, line in marked.items() if BROKEN in line}
    if not marked:
        return 0, 1, f"simulation_table ended with {program.returncode} before any figure"
    found = {what: line.replace(f" {BROKEN}", "") for what, line in marked.items()}
    everything = {**documented, **found}
    differs = [what for what in everything if found.get(what) != documented.get(what)]
    if differs:
        _tell(differs, found, documented)
    notes = []
    if outside:
        notes.append(f"{len(outside)} outside the bound")
    if differs:
        rows_of = f"{len(differs)} of {len(everything)} rows"
        notes.append(f"{PAGE} does not show what the simulations gave ({rows_of})")
    failed = len(outside.union(differs))
    passed = len(everything) - failed
    if program.returncode != 0 and not outside:
        notes.insert(0, f"simulation_table ended with {program.returncode}")
        failed = max(failed, 1)
    return passed, failed, "; ".join(notes)


def rows(text: str) -> dict[str, str]:
    """The lines of the table in `text`, each by its first cell; none without such a table."""
    table = text.partition(f"{HEAD}\n")[2].partition("\n\n")[0].splitlines()[1:]
    return {line.split(" | ")[0].removeprefix("| "): line for line in table}


def _tell(differs: list[str], found: dict[str, str], documented: dict[str, str]) -> None:
    lines = [f"{PAGE} does not show what the simulations gave (- the page, + printed now):"]
    for what in differs:
        lines += [f"- {documented[what]}"] if what in documented else []
        lines += [f"+ {found[what]}"] if what in found else []
    lines.append(f"If that change of the figures is meant, put the printed table into {PAGE}.")
    sys.stdout.write("\n".join(lines) + "\n")


def main() -> int:
    """Run them and report."""
    return junit.report(run())


if __name__ == "__main__":
    raise SystemExit(main())
