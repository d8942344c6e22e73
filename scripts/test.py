"""`make test`: every layer of the tests, one summary line each.

    python -m scripts.test [LAYER...]

Logs and JUnit files go to var/test/. The exit code is 1 when anything failed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from gateway.exit_codes import ExitCode
from scripts import junit, nix_shell, private_network
from scripts.fresh_clone import copy_models, corpora, fresh_clone, outside_environ
from scripts.junit import Counts
from scripts.stack import search_path

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "var/test"
NOBODY = 65534
PAGE_TOOLS = ("jq", "goaccess")
"""What docs/access-log.md uses and its tests run."""
README = "tests/docs/test_readme.py"
"""The first of its clone, where nothing has been started yet."""
APART = (
    "tests/stack/faults",
    "tests/stack/test_gateway_faults.py",
    "tests/stack/test_rollout_live.py",
)
"""With the other pages as long as the rest of the layer: these are in a clone of their own."""
ROOMS = ("services", "gateway", "probes", "rollout", "dashboard", "scripts", "bench", "fuzz")


@dataclass(frozen=True)
class Result:
    """What one layer came to; `note` says what was not covered, if anything."""

    layer: str
    passed: int
    failed: int
    seconds: float
    note: str = ""


def lint() -> Counts:
    """Style, types and import contracts: each program counts as one check."""
    patterns = ("scripts/*.*sh", "services/on_ray/*.sh")
    scripts = [str(path) for each in patterns for path in sorted(ROOT.glob(each))] + [".ci/run"]
    commands = [
        ["ruff", "check", "--quiet", "."],
        ["ruff", "format", "--check", "--quiet", "."],
        ["mypy"],
        ["lint-imports", "--no-cache"],
        ["shellcheck", *scripts],
        ["yamllint", "--strict", "."],
    ]
    notes = []
    if absent := nix_shell.absent():
        # mypy cannot follow an import of what is not there.
        needs = {"lint-imports": "import-linter", "mypy": "schemathesis"}
        left_out = [tool for tool, package in needs.items() if package in absent]
        commands = [command for command in commands if command[0] not in left_out]
        notes = [f"{tool}: {nix_shell.not_covered(needs[tool])}" for tool in left_out]
    failed = sum(_call(command) != 0 for command in commands)
    return len(commands) - failed, failed, "; ".join(notes)


def config() -> Counts:
    """The literal files, read by the programs that they are for."""
    return _pytest("config", ["tests/config"])


def unit(python: Path | None = None, reports: Path = REPORTS) -> Counts:
    """The parts, without the network."""
    rooms = [f"tests/{room}" for room in ROOMS if (ROOT / "tests" / room).is_dir()]
    arguments = [*rooms, "-m", "not gates", "-n", "auto"]
    return _pytest("unit", arguments, python=python, reports=reports)


def contract(python: Path | None = None, reports: Path = REPORTS) -> Counts:
    """The services against their own OpenAPI description."""
    if "schemathesis" in nix_shell.absent():
        return 0, 0, nix_shell.not_covered("schemathesis")
    return _pytest("contract", ["tests/contract"], python=python, reports=reports)


def nginx() -> Counts:
    """The behaviour of the nginx files and what they withstand, in front of stand-ins."""
    return _pytest("nginx", ["tests/nginx", "tests/security"])


def gates() -> Counts:
    """The quality of both models on the real corpora (cached by data and code)."""
    if code := _train("--cv"):
        return 0, 1, f"services.gen_model ended with {code}"
    return _pytest("gates", ["tests/services", "-m", "gates"])


def stack() -> Counts:
    """README and the whole stack, in fresh clones, with the unmodified files."""
    enter, note = private_network.prefix(), ""
    if enter is None:
        enter, note = [], "no private network here: used the fixed ports of this machine"
    if code := _train():  # the clones find the corpora here, they have no network
        return 0, 1, f"services.gen_model ended with {code}"
    with fresh_clone(ROOT) as clone, fresh_clone(ROOT) as second:
        # Need the registries, so they happen before the network is left. What only the tests
        # need is in place then, so what a person types has nothing left to do.
        tools = ["scripts/bootstrap.sh", "tmux", *PAGE_TOOLS]
        for folder in (clone, second):
            for command in (tools, ["make", "--silent", "setup"]):
                if _call(command, cwd=folder, environ=outside_environ(ROOT)):
                    return 0, 1, f"{' '.join(command)} failed in a fresh clone"
        # As the README's own start leaves it in the other one.
        copy_models(ROOT, second)
        runs = [
            ("stack", [README, "tests/stack", *(f"--ignore={path}" for path in APART)], clone),
            ("apart", ["tests/docs", f"--ignore={README}", *APART], second),
            ("alerts", ["tests/alerts"], clone),
        ]
        # All at once, since they do little but wait; where they share their ports, in turn.
        with ThreadPoolExecutor(len(runs) if enter else 1) as beside:
            parts = [
                beside.submit(_pytest, layer, paths, enter, folder) for layer, paths, folder in runs
            ]
            counts = [part.result() for part in parts]
    return sum(passed for passed, _, _ in counts), sum(failed for _, failed, _ in counts), note


def ray() -> Counts:
    """The workspace on two nodes of Ray Serve, in a fresh clone."""
    if nix_shell.entered():
        return 0, 0, "not covered: Ray is no part of the Nix shell"
    enter, note = private_network.prefix(), ""
    if enter is None:
        enter, note = [], "no private network here: used the fixed ports of this machine"
    if code := _train():  # as above
        return 0, 1, f"services.gen_model ended with {code}"
    with fresh_clone(ROOT) as clone:
        for command in (["make", "--silent", "setup"], ["scripts/bootstrap_ray.sh"]):
            if _call(command, cwd=clone, environ=outside_environ(ROOT)):
                return 0, 1, f"{' '.join(command)} failed in a fresh clone"
        passed, failed, _ = _pytest("ray", ["tests/ray"], enter, clone)
    return passed, failed, note


def unprivileged() -> Counts:
    """Set-up to shut-down as a user without rights, tools or caches (root hands over to nobody)."""
    if nix_shell.entered():
        return 0, 0, "not covered: the set-up of a machine without Nix"
    if code := _train():  # as above
        return 0, 1, f"services.gen_model ended with {code}"
    drop: list[str] = []
    owner = None
    if os.geteuid() == 0:
        owner = NOBODY
        drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    with fresh_clone(ROOT, owner) as clone:
        bare = [*drop, "env", "-i", "PATH=/usr/bin:/bin", f"HOME={clone.parent}/home"]
        if _call([*bare, "scripts/bootstrap.sh"], cwd=clone):
            return 0, 1, "the bootstrap failed"
        enter = private_network.prefix() or []
        bare.append(f"SENTIMENT_DATA_DIR={corpora(ROOT)}")
        return _pytest("unprivileged", ["tests/unprivileged"], [*enter, *bare], clone)


def nix() -> Counts:
    """The flake, by a real nix on a stand-in for nixpkgs, and the devcontainers."""
    if nix_shell.entered():
        return 0, 0, "not covered from within: run make test outside the Nix shell"
    return _by_nix("nix", "not matrix")


def flake_unit() -> Counts:
    """The unit layer as a check of the flake: in the matrix, because it has run without Nix."""
    return _by_nix("flake-unit", "matrix")


def _by_nix(report: str, marker: str) -> Counts:
    if code := _train():  # the shell hands the corpora over
        return 0, 1, f"services.gen_model ended with {code}"
    # All but nix are in the shell, too. Where nix cannot be had the tests say so.
    tools = ["nix", "tmux", "wrk", *PAGE_TOOLS]
    _call(["scripts/bootstrap.sh", *tools], environ=outside_environ(ROOT))
    return _pytest(report, ["tests/nix", "-m", marker])


Layer = Callable[[], Counts]

LAYERS: dict[str, Layer] = {
    layer.__name__: layer
    for layer in (lint, config, unit, contract, nginx, gates, stack, ray, nix, unprivileged)
}
ONLY_IN_CI = frozenset({"ray", "unprivileged"})


def main(names: list[str]) -> int:
    """Run the layers called `names`, all of them if there are none."""
    os.chdir(ROOT)
    os.environ["PATH"] = search_path(ROOT)
    # A make that the tests start is not a part of the one that started them.
    for inherited in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        os.environ.pop(inherited, None)
    if unknown := [name for name in names if name not in LAYERS]:
        sys.stderr.write(f"test: no layer {unknown[0]!r}; there are {', '.join(LAYERS)}\n")
        return ExitCode.USAGE
    in_ci = os.environ.get("CI") == "true"
    REPORTS.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    left_out: list[str] = []
    for name in names or LAYERS:
        if name in ONLY_IN_CI and not in_ci and not names:
            left_out.append(f"{name:<14}not run: takes minutes, only with CI=true or by name")
            continue
        sys.stdout.write(f"== {name}: {(LAYERS[name].__doc__ or '').splitlines()[0]}\n")
        sys.stdout.flush()
        begun = time.monotonic()
        passed, failed, note = LAYERS[name]()
        results.append(Result(name, passed, failed, time.monotonic() - begun, note))
    _report(results, left_out)
    return ExitCode.FAILED if any(result.failed for result in results) else ExitCode.PASS


def _report(results: list[Result], left_out: list[str]) -> None:
    lines = ["", f"{'layer':<14}{'passed':>8}{'failed':>8}{'seconds':>9}"]
    for result in results:
        row = f"{result.layer:<14}{result.passed:>8}{result.failed:>8}{result.seconds:>9.1f}"
        lines.append(f"{row}  {result.note}".rstrip())
    lines += left_out
    passed, failed = sum(r.passed for r in results), sum(r.failed for r in results)
    lines += ["", f"{passed} passed, {failed} failed"]
    sys.stdout.write("\n".join(lines) + "\n")


def _pytest(
    layer: str,
    arguments: list[str],
    enter: list[str] | None = None,
    clone: Path = ROOT,
    python: Path | None = None,
    reports: Path = REPORTS,
) -> Counts:
    report = reports / f"{layer}.xml"
    if clone != ROOT:
        report = clone / f"var/{layer}.xml"
    report.unlink(missing_ok=True)  # an old one would pass for the result of this run
    if python is None:
        python = Path(sys.executable) if nix_shell.entered() else clone / ".venv/bin/python"
    command = [*(enter or []), str(python), "-m", "pytest", "-q"]
    environ = (
        {**outside_environ(ROOT), "SENTIMENT_DATA_DIR": str(corpora(ROOT))}
        if clone != ROOT
        else None
    )
    code = _call([*command, f"--junitxml={report}", *arguments], cwd=clone, environ=environ)
    return junit.counts(report, code)


def _train(*options: str) -> int:
    return _call([sys.executable, "-m", "services.gen_model", "--if-needed", *options])


def _call(command: list[str], cwd: Path = ROOT, environ: dict[str, str] | None = None) -> int:
    sys.stdout.flush()
    try:
        return subprocess.run(command, cwd=cwd, env=environ, check=False).returncode
    except FileNotFoundError as error:
        sys.stdout.write(f"test: {error.filename} is missing: run make setup\n")
        return 127


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    raise SystemExit(code)
