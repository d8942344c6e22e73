"""`rollout`: begin a rollout, see where it is, hold it, go on, go back, make it the baseline.

stdout is what was asked for (the state, a decision, what was decided; with --json one document),
stderr is talk. The engine decides (rollout.engine); this gives it commands and reads its files.
"""

from __future__ import annotations

import argparse
import getpass
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from dashboard.rollout_text import explain_lines, status_lines
from dashboard.sources.rollout import engine_lives, read_status
from gateway.command import Voice, reader_left, unusable
from gateway.errors import ConfigurationError
from gateway.exit_codes import ExitCode
from gateway.supervisor import (
    SOCKET,
    Supervisor,
    SupervisorError,
    SupervisorTimeout,
    SupervisorUnreachable,
)
from rollout import mailbox
from rollout.mailbox import START, Answer, NoAnswer
from rollout.plan import notes
from rollout.policy import FILE, load_policy
from rollout.record import explain
from rollout.state import Command, Phase
from rollout.status import Status
from rollout.store import read_log

_voice = Voice("rollout")
PROCESS = "rollout"
ANSWER_S = 15.0
FINISH_S = 300.0
"""How long `finish` waits for its end; the engine goes on without it."""
EMERGENCY = "`python -m dashboard canary off` sends everybody to v1 without it"
_TOLD = ("status", "explain")
"""The verbs that only tell something, as JSON too."""
_PERIOD_S = 0.2
_SETTLE_S = 5.0
"""How long the first status of a rollout is waited for."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one of the verbs; see `--help`. Returns a value of ExitCode."""
    options = _options(arguments)
    root = Path.cwd()
    try:
        match options.verb:
            case None | "status":
                return _status(root, options.json)
            case "explain":
                return _explain(root, options.number, options.json)
            case "measure":
                from dashboard.rollout_measure import measure

                return measure(root)
            case "start":
                return _start(root, options.policy)
        return _order(root, options.verb, getattr(options, "full", False))
    except (ConfigurationError, LookupError, ValueError) as error:
        return _voice.fail(str(error), ExitCode.USAGE)
    except NoAnswer as error:
        return _voice.fail(f"{error}; {EMERGENCY}", ExitCode.TIMEOUT)
    except SupervisorTimeout as error:
        return _voice.fail(f"{error}; {EMERGENCY}", ExitCode.TIMEOUT)
    except (SupervisorUnreachable, SupervisorError) as error:
        return _voice.fail(f"no engine runs, and {error}; {EMERGENCY}", ExitCode.UNREACHABLE)
    except BrokenPipeError:
        return reader_left()
    except OSError as error:
        return _voice.fail(unusable(error, "var/rollout"), ExitCode.USAGE)
    except KeyboardInterrupt:
        return _voice.fail("interrupted; the rollout goes on", ExitCode.INTERRUPTED)


def differing(root: Path) -> str | None:
    """What to say where the gateway does not do what a rollout under way has set."""
    from gateway.canary import read_experiment
    from rollout.state import Facts
    from rollout.words import changed_by_hand

    with suppress(ConfigurationError, ValueError, OSError):
        state = read_log(root).state
        if state is not None and not state.ended:
            now = read_experiment(root)
            facts = Facts(False, None, weight=now.weight, shadow=now.shadow)
            if (what := changed_by_hand(state, facts)) is not None:
                return f"a rollout is under way, and holds now: {what}"
    return None


def _status(root: Path, as_json: bool) -> int:
    status = read_status(root)
    if status is None:
        if as_json:
            return _voice.fail(
                "no rollout was ever started: `rollout start` begins one", ExitCode.USAGE
            )
        return _print("rollout  none was ever started; `python -m dashboard rollout start`")
    if as_json:
        return _print(json.dumps(status.to_json(), indent=2))
    alive = engine_lives(root, status.pid)
    return _print("\n".join(status_lines(status, alive, time.time())))


def _explain(root: Path, number: int | None, as_json: bool) -> int:
    entries = read_log(root).entries
    wanted = [entry for entry in entries if number is None or entry.seq == number]
    if not wanted:
        known = f"they are {', '.join(str(entry.seq) for entry in entries[-10:])}"
        what = "no decision was ever taken" if not entries else f"no decision {number}: {known}"
        raise LookupError(what)
    found = explain(wanted[-1])
    if as_json:
        value = {
            "decision": found.entry.to_json(),
            "same": not found.differences,
            "differences": list(found.differences),
            "taken_as_stored": list(found.taken_as_stored),
        }
        _print(json.dumps(value, indent=2))
    else:
        _print("\n".join(explain_lines(found)))
    return ExitCode.FAILED if found.differences else ExitCode.PASS


def _start(root: Path, policy: Path | None) -> int:
    file = None if policy is None else str(policy.resolve())
    plan = load_policy(root, file or FILE)  # here, so that its errors are this command's
    for note in notes(plan):
        _voice.say(note)
    answer = _ask(root, START, file)
    if not answer.accepted:
        return _refused(answer)
    _print(f"{'start':<8} {answer.reason}")
    status = _wait(root, lambda found: found.state is not None, _SETTLE_S)
    if status is not None and status.facts.capacity is None:
        _voice.say(
            "capacity not measured: `rollout measure`, before the start, lets it refuse a step"
        )
    _voice.say("it goes on without this terminal; `python -m dashboard rollout` shows where it is")
    return ExitCode.PASS


def _order(root: Path, verb: str, full: bool) -> int:
    state = read_log(root).state
    if state is None or state.ended:
        where = "none was ever started" if state is None else f"it is over ({state.phase})"
        return _voice.fail(f"no rollout is under way, {where}", ExitCode.FAILED)
    answer = _ask(root, Command.PROMOTE_FULL.value if full else verb, None)
    if not answer.accepted:
        return _refused(answer)
    _print(f"{verb:<8} {answer.reason}")
    return _watch_finish(root) if verb == "finish" else ExitCode.PASS


def _watch_finish(root: Path) -> int:
    said = ""

    def over(status: Status) -> bool:
        nonlocal said
        problem = status.problem or ""
        if problem != said and problem:
            _voice.say(problem)
        said = problem
        # A rollback, or a finish of which there is nothing left to do.
        return status.state is not None and status.state.ended

    status = _wait(root, over, FINISH_S)
    if status is None or status.state is None:
        raise NoAnswer(f"not finished within {FINISH_S:g} s; the engine goes on")
    if status.state.phase is Phase.FINISHED:
        _print("finished the candidate is the baseline; v2 is free for the next one")
        return ExitCode.PASS
    return _voice.fail(f"{status.state.phase}: {status.decisions[-1].reason}", ExitCode.FAILED)


def _wait(root: Path, condition: Callable[[Status], bool], timeout: float) -> Status | None:
    """The first status for which `condition` is so; None if there is none in time."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        status = read_status(root)
        if status is not None and condition(status):
            return status
        time.sleep(_PERIOD_S)
    return None


def _ask(root: Path, command: str, policy: str | None) -> Answer:
    status = read_status(root)
    if status is None or not engine_lives(root, status.pid):
        _revive(root)
    return mailbox.ask(root, command, getpass.getuser(), ANSWER_S, policy)


def _revive(root: Path) -> None:
    """Have process-compose start the engine. Raises Supervisor*."""
    supervisor = Supervisor(root / SOCKET)
    supervisor.processes()  # says better what is the matter where nothing runs
    # It runs already, or is about to: then it takes the command.
    with suppress(SupervisorError):
        supervisor.start(PROCESS)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m dashboard rollout",
        description="Take what v2 serves from nobody to everybody, step by step, or back: "
        "docs/rollout.md. Without a verb: where it is.",
        epilog="Exit codes: 0 done, 1 refused (or a decision that would not be taken again), "
        "2 usage or configuration, 3 the workspace does not run, 4 no answer in time, "
        "130 interrupted (the rollout goes on).",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    parser.add_argument("--json", action="store_true", help="as `status --json`")
    each = {
        "status": "where it is, what it has seen, what comes next",
        "start": "begin one with what v2 serves now",
        "pause": "stay at this step until somebody resumes; the guardrails still act",
        "resume": "observe this step anew, and go on",
        "promote": "to the next step now, without its gate",
        "abort": "everybody back to v1, and the rollout ends",
        "finish": "the promoted candidate becomes the baseline",
        "explain": "what a decision was taken on, and whether it would be taken again",
        "measure": "find out how many requests a second v2 can do, in 2 s",
    }
    made = {
        name: verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        for name, text in each.items()
    }
    for name in _TOLD:
        # Not given must not undo what was said before the verb.
        made[name].add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS,
            help="one JSON document on stdout",
        )  # fmt: skip
    made["start"].add_argument(
        "--policy", type=Path, metavar="FILE", help=f"another one than {FILE}"
    )
    made["promote"].add_argument("--full", action="store_true", help="to 100 % at once")
    made["explain"].add_argument(
        "number", type=int, nargs="?", metavar="N", help="its number; the last one without"
    )
    given = parser.parse_args(arguments)
    if given.json and given.verb not in (None, *_TOLD):
        parser.error(f"--json goes with {' and '.join(_TOLD)}, not with {given.verb}")
    return given


def _refused(answer: Answer) -> int:
    return _voice.fail(f"refused: {answer.reason}", ExitCode.FAILED)


def _print(text: str) -> int:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
    return ExitCode.PASS
