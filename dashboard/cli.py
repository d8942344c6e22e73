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

from gateway.errors import ConfigurationError, in_words
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
            case [word] if not word.startswith("-"):
                return _fail(f"{word!r} is no command: there are {', '.join(VERBS)}; see --help")
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
    verbs = "\n".join(f"  {verb:<9}{text}" for verb, text in VERBS.items())
    parser = argparse.ArgumentParser(
        prog="python -m dashboard",
        usage="%(prog)s [options]\n       %(prog)s COMMAND ...",
        description="What the gateway of this folder does, live in the terminal.",
        epilog=f"commands (each has its own --help):\n{verbs}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--root", type=Path, default=Path(), metavar="FOLDER", help="the workspace (default: here)"
    )
    parser.add_argument("--read-only", action="store_true", help="show, never change anything")
    parser.add_argument("--record", type=Path, metavar="FILE", help="keep every event in FILE")
    _screen_options(parser)
    options = parser.parse_args(words)
    if not _is_terminal():
        return _fail("this is not a terminal: only the commands work without one, see --help")

    from dashboard.feed import LiveFeed, declared_workspace, live_sources
    from dashboard.record import RecordingWriter
    from dashboard.ui.app import DashboardApp
    from dashboard.ui.options import Options
    from gateway.settings import load_settings
    from gateway.topology import load_topology
    from gateway.workload import load_workload

    root: Path = options.root.resolve()
    settings = load_settings(root, os.environ)
    topology, workload = load_topology(root, settings), load_workload(root)
    keymap = _keymap(options.key)
    body = json.dumps(workload.body(workload.example.text))
    workspace = declared_workspace(topology, settings, time.time())
    try:
        recorder = None if options.record is None else RecordingWriter(options.record)
    except OSError as error:
        return _fail(f"--record {options.record}: {in_words(error)}")
    feed = LiveFeed(workspace, live_sources(root, topology, workspace), recorder)
    app = DashboardApp(
        feed,
        Options(
            root=root,
            read_only=options.read_only,
            ascii=options.ascii,
            light=options.light,
            body=body,
            keymap=keymap,
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
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="what --record wrote, for example docs/demo.jsonl"
    )
    parser.add_argument(
        "--json", action="store_true", help="no screen: what it comes to, as one JSON document"
    )
    parser.add_argument(
        "--window",
        choices=("10s", "1m", "5m", "all"),
        metavar="10s|1m|5m|all",
        help="with --json: only so much, at the end (default: all)",
    )
    parser.add_argument(
        "--speed", type=_speed, default=1.0, metavar="N", help="2: twice as fast (default: 1)"
    )
    _screen_options(parser)
    options = parser.parse_args(words)
    if options.json:
        return _summarise(options.file, options.window or "all")
    if options.window:
        parser.error("--window goes with --json; on the screen w changes it")
    if not _is_terminal():
        return _fail("this is not a terminal: `replay FILE --json` needs none")

    from dashboard.record import BadRecording
    from dashboard.replay import ReplayFeed
    from dashboard.ui.app import DashboardApp
    from dashboard.ui.options import Options

    keymap = _keymap(options.key)
    try:
        feed = ReplayFeed(options.file, options.speed)
    except BadRecording as error:
        return _fail(f"replay: {error}")
    except OSError as error:
        return _fail(f"replay {options.file}: {in_words(error)}")
    app = DashboardApp(feed, Options(ascii=options.ascii, light=options.light, keymap=keymap))
    app.run()
    if feed.problem:
        return _fail(feed.problem)
    return app.return_code or ExitCode.PASS


def _summarise(path: Path, window: str) -> int:
    from dashboard.record import BadRecording
    from dashboard.replay import folded
    from dashboard.summary import summary
    from dashboard.window import Window
    from gateway.command import reader_left

    try:
        model, first, last = folded(path)
    except BadRecording as error:
        return _fail(f"replay: {error}")
    except OSError as error:
        return _fail(f"replay {path}: {in_words(error)}")
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
    parser.add_argument("--light", action="store_true", help="dark on light")
    parser.add_argument(
        "--key",
        type=_key,
        action="append",
        default=[],
        metavar="ID=KEY",
        help="another key for a binding, for example view.freeze=f (a wrong ID lists all)",
    )


def _keymap(moved: Sequence[tuple[str, str]]) -> dict[str, str]:
    from dashboard.ui.keymap import keymap

    return keymap(moved)


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
