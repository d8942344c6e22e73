"""Fuzzes one target, guided by coverage: `python -m tests.fuzz TARGET --seconds N [--seed S]`.

Needs atheris, which only `make test-matrix` installs (`python -m scripts.fuzzing TARGET` runs
this there). Inputs and findings go to var/test/fuzz/TARGET/; what is printed is libFuzzer's.
A finding ends the run with another exit code than 0; give it as INPUT to see it again.
"""

from __future__ import annotations

import argparse
import importlib
import shutil
import sys
from pathlib import Path
from random import Random
from typing import Any

from gateway.exit_codes import ExitCode
from tests.fuzz.mutate import mutated
from tests.fuzz.target import ROOT
from tests.fuzz.targets import NAMES, target

FOLDER = ROOT / "var/test/fuzz"
LONGEST = 16_384
"""Bytes of an input."""
SLOWEST_S = 10
"""Seconds after which one input counts as endless, on a busy machine too."""
_OURS = ["gateway", "rollout", "dashboard", "services", "probes"]


def main(words: list[str]) -> int:
    """Run until the time is over or something is found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("target", choices=NAMES)
    parser.add_argument("inputs", nargs="*", type=Path, help="run these alone, without fuzzing")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args(words)
    try:
        atheris: Any = importlib.import_module("atheris")
    except ImportError:
        sys.stderr.write(f"fuzz: no atheris: use `python -m scripts.fuzzing {wanted.target}`\n")
        return ExitCode.USAGE
    with atheris.instrument_imports(include=_OURS, enable_loader_override=False):
        found = target(wanted.target)
    folder = FOLDER / wanted.target
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "work").mkdir(parents=True)
    (folder / "corpus").mkdir()
    run = found.make(folder / "work")
    for path in wanted.inputs:
        run(path.read_bytes())
    if wanted.inputs:
        return ExitCode.PASS
    for number, seed in enumerate(found.seeds()):
        (folder / f"corpus/seed-{number:03d}").write_bytes(seed)

    def change(data: bytes, longest: int, seed: int) -> bytes:
        random = Random(seed)  # noqa: S311 - not for secrets
        if random.random() < 0.25:
            return bytes(atheris.Mutate(data, longest))
        return mutated(data, random, found.json)[:longest]

    options = {
        "max_total_time": wanted.seconds,
        "seed": wanted.seed,
        "max_len": LONGEST,
        "timeout": SLOWEST_S,
        "rss_limit_mb": 2048,
        "print_final_stats": 1,
        "verbosity": 1,
        "artifact_prefix": f"{folder}/",
    }
    arguments = [f"-{name}={value}" for name, value in options.items()]
    atheris.Setup([sys.argv[0], *arguments, str(folder / "corpus")], run, custom_mutator=change)
    atheris.Fuzz()  # ends the process
    return ExitCode.PASS


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
