"""The command line: picks what is to be shown, and what its end means.

Each verb imports what it needs in its own branch, so that none pays for another: a
headless one starts without the terminal library.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from gateway.errors import ConfigurationError
from gateway.exit_codes import ExitCode
from gateway.visible import visible

VERBS = {
    "check": "is everything as it should be",
    "ab": "compare the two versions",
    "drill": "kill or freeze one process under load",
    "canary": "try the second version on some users or on copies; drain an instance",
    "rollout": "take the second version from nobody to everybody, or back",
    "replay": "show a recording",
}
"""The first word of a command; without one the dashboard opens."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code says how it ended."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        match words[:1]:
            case ["check"]:
                from probes import check

                return check.main(words[1:])
            case ["ab"]:
                from probes import ab

                return ab.main(words[1:])
            case ["drill"]:
                from probes import drill

                return drill.main(words[1:])
            case ["canary"]:
                from probes import canary

                code = canary.main(words[1:])
                _warn_of_rollout()
                return code
            case ["rollout"]:
                from dashboard import rollout_command

                return rollout_command.main(words[1:])
            case ["replay"]:
                return _replay(words[1:])
            case _:
                return _live(words)
    except ConfigurationError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def _warn_of_rollout() -> None:
    """Whoever changes by hand what a rollout has set should know."""
    root = Path.cwd()
    if not (root / "var/rollout/decisions.jsonl").exists():
        return
    from dashboard.rollout_command import differing

    if (text := differing(root)) is not None:
        sys.stderr.write(f"canary: warning: {visible(text)}\n")


def _live(words: Sequence[str]) -> int:
    verbs = "; ".join(f"`{verb}`: {text}" for verb, text in VERBS.items())
    parser = argparse.ArgumentParser(
        prog="python -m dashboard",
        description=f"The dashboard of the workspace in this folder. Other commands: {verbs}.",
    )
    parser.add_argument("--root", type=Path, default=Path(), help="the folder of the workspace")
    parser.add_argument("--read-only", action="store_true", help="show, never change anything")
    parser.add_argument("--record", type=Path, metavar="FILE", help="keep every event in FILE")
    _screen_options(parser)
    options = parser.parse_args(words)
    if not _is_terminal():
        return _fail("this is not a terminal")

    from dashboard.feed import LiveFeed, declared_workspace, live_sources
    from dashboard.record import RecordingWriter
    from dashboard.ui.app import DashboardApp, Options
    from gateway.settings import load_settings
    from gateway.topology import load_topology
    from gateway.workload import load_workload

    root: Path = options.root.resolve()
    settings = load_settings(root, os.environ)
    topology, workload = load_topology(root, settings), load_workload(root)
    _check_keys(options.key)
    body = json.dumps(workload.body(workload.example.text))
    workspace = declared_workspace(topology, settings, time.time())
    try:
        recorder = None if options.record is None else RecordingWriter(options.record)
    except OSError as error:
        return _fail(f"--record: {error}")
    feed = LiveFeed(workspace, live_sources(root, topology, workspace), recorder)
    app = DashboardApp(
        feed,
        Options(
            root=root,
            read_only=options.read_only,
            ascii=options.ascii,
            light=options.light,
            body=body,
            keymap=dict(options.key),
        ),
    )
    app.run()
    if feed.problem:
        return _fail(feed.problem)
    return app.return_code or ExitCode.PASS


def _replay(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m dashboard replay", description="Show a recording; nothing has to run."
    )
    parser.add_argument("file", type=Path, help="what --record wrote, for example docs/demo.jsonl")
    parser.add_argument(
        "--json", action="store_true", help="no screen: what it comes to, as one JSON document"
    )
    parser.add_argument(
        "--window", choices=("10s", "1m", "5m", "all"), help="with --json: of the last ... (all)"
    )
    parser.add_argument("--speed", type=_speed, default=1.0, help="2: twice as fast (default 1)")
    _screen_options(parser)
    options = parser.parse_args(words)
    if options.json:
        return _summarise(options.file, options.window or "all")
    if options.window:
        parser.error("--window goes with --json; on the screen w changes it")
    if not _is_terminal():
        return _fail("this is not a terminal")

    from dashboard.record import BadRecording
    from dashboard.replay import ReplayFeed
    from dashboard.ui.app import DashboardApp, Options

    _check_keys(options.key)
    try:
        feed = ReplayFeed(options.file, options.speed)
    except (BadRecording, OSError) as error:
        return _fail(f"replay: {error}")
    keymap = dict(options.key)
    app = DashboardApp(feed, Options(ascii=options.ascii, light=options.light, keymap=keymap))
    app.run()
    if feed.problem:
        return _fail(feed.problem)
    return app.return_code or ExitCode.PASS


def _summarise(path: Path, window: str) -> int:
    from dashboard.model import Window
    from dashboard.record import BadRecording
    from dashboard.replay import folded
    from dashboard.summary import summary
    from gateway.command import reader_left

    try:
        model, first, last = folded(path)
    except (BadRecording, OSError) as error:
        return _fail(f"replay: {error}")
    chosen = next(each for each in Window if each.label.replace(" ", "") == window)
    document = summary(model, first, last, chosen)
    try:
        sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        return reader_left()
    return ExitCode.PASS


def _screen_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII characters only")
    parser.add_argument("--light", action="store_true", help="for a light terminal")
    parser.add_argument(
        "--key",
        type=_key,
        action="append",
        default=[],
        metavar="ID=KEY",
        help="another key for a binding, for example view.freeze=f",
    )


def _check_keys(moved: Sequence[tuple[str, str]]) -> None:
    """Raises ConfigurationError for a binding that does not exist."""
    from dashboard.ui.bindings import KEYS

    known = {key.id for key in KEYS}
    for name, _ in moved:
        if name not in known:
            fix = f"use one of {', '.join(sorted(known))}"
            raise ConfigurationError("--key", f"there is no binding {name!r}", fix)


def _key(text: str) -> tuple[str, str]:
    name, equals, key = text.partition("=")
    if not (name and equals and key):
        raise argparse.ArgumentTypeError(f"{text!r} is not ID=KEY")
    return name, key


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not speed > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return speed


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _fail(reason: str) -> int:
    sys.stderr.write(f"dashboard: {visible(reason)}\n")
    return ExitCode.USAGE
