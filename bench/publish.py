"""Puts the results of bench/results into docs/benchmarks.md: `python -m bench.publish`.

    python -m bench.service --json bench/results/service.json && python -m bench.publish

What a benchmark printed stands between two comments that name it; the words around it are ours.
tests/bench/test_publish.py compares both.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping

from bench.cli import ROOT
from gateway.exit_codes import ExitCode

DOCUMENT = ROOT / "docs/benchmarks.md"
RESULTS = ROOT / "bench/results"
_SECTION = re.compile(
    r"(<!-- bench\.(\w+): written by python -m bench\.publish -->\n).*?(<!-- end -->\n)", re.DOTALL
)


def results() -> dict[str, str]:
    """What each benchmark printed, by its name. Raises OSError, ValueError, KeyError."""
    return {
        path.stem: json.loads(path.read_text())["text"] for path in sorted(RESULTS.glob("*.json"))
    }


def published(document: str, texts: Mapping[str, str]) -> str:
    """The document with these results in the place of what stood there.

    Raises KeyError where one has no result, or a result has no place.
    """
    places = [name for _, name, _ in _SECTION.findall(document)]
    if missing := sorted({*texts} - {*places}):
        raise KeyError(f"docs/benchmarks.md has no place for {', '.join(missing)}")
    if unknown := sorted({*places} - {*texts}):
        raise KeyError(f"bench/results has no {', '.join(unknown)}.json")
    return _SECTION.sub(
        lambda found: f"{found[1]}\n{texts[found[2]].strip()}\n\n{found[3]}", document
    )


def main() -> int:
    """Rewrite the document; the exit code."""
    try:
        text = published(DOCUMENT.read_text(), results())
    except (OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"bench: {error.args[0] if error.args else error}\n")
        return ExitCode.FAILED
    DOCUMENT.write_text(text)
    return ExitCode.PASS


if __name__ == "__main__":
    raise SystemExit(main())
