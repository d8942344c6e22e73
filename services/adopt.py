"""Puts a model of your own into a slot: `python -m services.adopt my.joblib --slot v2`.

The model is a trained scikit-learn classifier that takes a list of texts. What it
replaces is kept: --undo exchanges the two. Exit codes: 0 done, 1 the model cannot be
served, 2 wrong usage or not confirmed, 130 interrupted.
"""

import argparse
import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

from services.artefact import ArtefactError, Backend, read_manifest
from services.regular_file import read_regular
from services.settings import is_version
from services.training.publish import PREVIOUS, exclusive, publish, undo, workspace
from services.visible import visible

MOST_BYTES: Final = 4 << 30
"""Of a joblib file."""
_CHILD: Final = "services.training.adoption"


class ExitCode(IntEnum):
    """What the command's exit status says."""

    PASS = 0
    FAILED = 1
    USAGE = 2
    INTERRUPTED = 130


class Refused(Exception):
    """The model is not adopted; the message is the reason."""

    def __init__(self, code: ExitCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def main(arguments: Sequence[str]) -> ExitCode:
    """Run the command; the reason of a failure is on the last line of stderr."""
    given = _parse(arguments)
    try:
        if given.undo:
            _undo(given.models_dir, given.slot)
        else:
            _adopt(given.model, given.slot, given.models_dir, given.yes)
    except Refused as refused:
        return _fail(refused.code, str(refused))
    except ArtefactError as error:
        return _fail(ExitCode.FAILED, str(error))
    except OSError as error:
        return _fail(ExitCode.FAILED, f"{error.filename}: {error.strerror}")
    except KeyboardInterrupt:
        return _fail(ExitCode.INTERRUPTED, "interrupted; nothing was changed")
    return ExitCode.PASS


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m services.adopt", description="Serve a scikit-learn text model of your own."
    )
    parser.add_argument("model", type=Path, nargs="?", metavar="MODEL", help="a joblib file")
    parser.add_argument(
        "--slot", required=True, metavar="VERSION", help="the version that is to serve it"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask: the file is trusted")
    parser.add_argument("--undo", action="store_true", help="exchange with the previous model")
    parser.add_argument(
        "--models-dir", type=Path, default=Path("var/models"), metavar="DIR",
        help="where the models are (default: %(default)s)",
    )  # fmt: skip
    given = parser.parse_args(arguments)
    if (given.model is None) != given.undo:
        parser.error("name a joblib file (MODEL=my.joblib), or --undo (UNDO=1) without one")
    if not is_version(given.slot):
        parser.error(f"--slot {given.slot!r}: give a version such as v2 (SLOT=v2)")
    return given


def _adopt(model: Path, slot: str, models_dir: Path, trusted: bool) -> None:
    try:
        content = read_regular(model, MOST_BYTES)
    except OSError as error:
        raise Refused(ExitCode.USAGE, f"{model}: {error.strerror}") from None
    digest = hashlib.sha256(content).hexdigest()
    _say(f"{model}, {len(content)} bytes, sha256 {digest}")
    if not trusted:
        _confirm()
    with exclusive(models_dir, _say), workspace(models_dir) as folder:
        # The very bytes that were confirmed, whatever happens to the file meanwhile.
        (folder / "given").write_bytes(content)
        manifest = _load(folder, slot, model.name)
        publish(folder / slot, models_dir, slot, keep=True)
    _, name = read_manifest(models_dir / slot)
    _say(f"{slot} is now {name}: {', '.join(manifest['classes'])}")
    _say(_served(manifest))
    if manifest["warning"]:
        _say(f"WARNING: {manifest['warning']}; compare its answers with what you know")
    if (models_dir / f"{slot}{PREVIOUS}").is_dir():
        _say(f"back to the model before: make adopt UNDO=1 SLOT={slot}")


def _confirm() -> None:
    """Ask once. Raises Refused for any answer but yes, and where nobody can be asked."""
    if not sys.stdin.isatty():
        raise Refused(
            ExitCode.USAGE,
            "loading a joblib file runs code that is in it, and there is no terminal to ask on: "
            "pass --yes (YES=1) if you trust the file",
        )
    sys.stderr.write("Loading a joblib file runs code that is in it. Do you trust this one? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Refused(ExitCode.USAGE, "not confirmed; nothing was loaded")


def _load(folder: Path, slot: str, name: str) -> dict[str, Any]:
    """The manifest of the finished folder. Raises Refused with the reason of a failure."""
    report = folder / "report"
    command = [sys.executable, "-m", _CHILD]
    arguments = [str(folder / "given"), str(folder / slot), slot, name, str(report)]
    done = subprocess.run(
        [*command, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    try:
        outcome: dict[str, Any] = json.loads(report.read_bytes())
    except (OSError, ValueError):
        last = (done.stderr.strip() or "it gave no reason").splitlines()[-1]
        raise Refused(
            ExitCode.FAILED,
            f"{name}: the process that loaded it ended with code {done.returncode}: {last}",
        ) from None
    if "refused" in outcome:
        raise Refused(ExitCode.FAILED, f"{name}: {outcome['refused']}; nothing was changed")
    manifest: dict[str, Any] = outcome["adopted"]
    return manifest


def _served(manifest: dict[str, Any]) -> str:
    if manifest["backend"] == Backend.FOLDED:
        return f"served folded, within {manifest['folding_error']:.1g} of the model's probabilities"
    return (
        f"served by scikit-learn itself (more memory, slower), because it cannot be folded: "
        f"{manifest['not_folded_because']}"
    )


def _undo(models_dir: Path, slot: str) -> None:
    with exclusive(models_dir, _say):
        if not undo(models_dir, slot):
            raise Refused(ExitCode.USAGE, f"{models_dir / slot}{PREVIOUS}: no model to go back to")
    manifest, name = read_manifest(models_dir / slot)
    _say(f"{slot} is {name} again: {', '.join(manifest['classes'])}")
    _say(f"and back: make adopt UNDO=1 SLOT={slot}")


def _say(line: str) -> None:
    sys.stderr.write(f"adopt: {visible(line)}\n")
    sys.stderr.flush()


def _fail(code: ExitCode, reason: str) -> ExitCode:
    _say(reason)
    return code


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
