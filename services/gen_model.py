"""Trains the demo models: `python -m services.gen_model`.

Writes var/models/<version>/ and var/data/held-out.csv. Nothing is published that
misses a gate. With --data the recipes are trained on a CSV file of your own, for
which there are no gates. Exit codes: 0 trained or up to date, 1 a gate was missed or a training
failed, 2 wrong usage or bad data, 130 interrupted.
"""

import argparse
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from enum import IntEnum
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import FrameType
from typing import Final

from services.artefact import ArtefactError
from services.training.archives import DataError, Library
from services.training.corpora import PublicSource, Source
from services.training.gates import GATES, OWN_DATA_GATES
from services.training.own_data import OwnSource
from services.training.recipes import RECIPES
from services.training.session import GateMissed, Options, run
from services.training.workers import WorkerFailed
from services.visible import visible

_TOOLS: Final = Path(".tools/bin")


class ExitCode(IntEnum):
    """What the command's exit status says."""

    PASS = 0
    FAILED = 1
    USAGE = 2
    INTERRUPTED = 130


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> ExitCode:
    """Run the command; the reason of a failure is on the last lines of stderr."""
    options = _parse(arguments, environ)
    try:
        run(options)
    except DataError as error:
        return _fail(ExitCode.USAGE, error)
    except (GateMissed, WorkerFailed, ArtefactError) as error:
        return _fail(ExitCode.FAILED, error)
    except PackageNotFoundError as error:
        return _fail(ExitCode.USAGE, f"{sys.executable} has no {error.name}: run `make setup`")
    except OSError as error:
        return _fail(ExitCode.FAILED, error)
    except KeyboardInterrupt:
        return _fail(ExitCode.INTERRUPTED, "interrupted; nothing was published")
    return ExitCode.PASS


def _parse(arguments: Sequence[str], environ: Mapping[str, str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m services.gen_model", description=_ABOUT)
    parser.add_argument(
        "--version", choices=(*RECIPES, "all"), default="all", help="which model (default: all)"
    )
    parser.add_argument(
        "--if-needed", action="store_true", help="do nothing where models and data are up to date"
    )
    parser.add_argument(
        "--cv",
        action="store_true",
        help="also cross-validate and measure on the UCI set (results are kept)",
    )
    parser.add_argument(
        "--offline", action="store_true", help="fetch nothing: use SENTIMENT_DATA_DIR and the cache"
    )
    parser.add_argument(
        "--data", type=Path, metavar="FILE", help="train on this CSV file: columns text,label"
    )
    parser.add_argument(
        "--label-map", type=Path, metavar="FILE", help="with --data: CSV from,to renames labels"
    )
    parser.add_argument(
        "--threshold",
        type=float,
        default=0.5,
        metavar="X",
        help="with --data and a column score: positive from X on, negative from -X on (0.5)",
    )
    parser.add_argument(
        "--models-dir", type=Path, default=Path("var/models"), metavar="DIR",
        help="where the models go (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--data-dir", type=Path, default=Path("var/data"), metavar="DIR",
        help="where the texts go, and what was fetched (default: %(default)s)",
    )  # fmt: skip
    given = parser.parse_args(arguments)
    if given.label_map and not given.data:
        parser.error("--label-map needs --data")
    if not given.threshold > 0:
        parser.error("--threshold must be above 0")
    source: Source = PublicSource()
    if given.data:
        source = OwnSource(given.data, given.label_map, given.threshold)
    return Options(
        recipes=tuple(
            recipe for version, recipe in RECIPES.items() if given.version in (version, "all")
        ),
        if_needed=given.if_needed,
        cross_validate=given.cv,
        models_dir=given.models_dir,
        held_out=given.data_dir / "held-out.csv",
        library=Library(
            cache=given.data_dir / "archives",
            environ=environ,
            tools=_TOOLS.absolute(),
            offline=given.offline,
            announce=_say,
        ),
        # Machines that build for others must not skip a gate for want of a file.
        every_gate=environ.get("CI") == "true",
        source=source,
        gates=OWN_DATA_GATES if given.data else GATES,
    )


_ABOUT: Final = "Train the demo models from public data or your own, and measure them."


def _say(line: object) -> None:
    sys.stderr.write("gen_model: " + "\n".join(map(visible, str(line).split("\n"))) + "\n")
    sys.stderr.flush()


def _fail(code: ExitCode, reason: object) -> ExitCode:
    _say(reason)
    return code


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _interrupt)  # so that the workers end with us
    sys.exit(main(sys.argv[1:], os.environ))
