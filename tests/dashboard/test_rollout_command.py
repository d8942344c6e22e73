"""`rollout` on the command line: what it prints, what it refuses, and its exit codes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jsonschema
import pytest

from dashboard import cli, rollout_command, rollout_measure
from dashboard.jobs.experiment import change_experiment
from dashboard.rollout_command import main
from gateway.canary import Experiment, write_experiment
from gateway.exit_codes import ExitCode
from probes.burst import Burst
from probes.canary_change import Wanted
from rollout import capacity, mailbox
from rollout import store as store_module
from rollout.mailbox import Answer
from rollout.state import Phase
from rollout.store import open_store, read_log
from tests.rollout.standin import DIGEST, POLICY, Gateway, Steered

SCHEMA = json.loads(
    (Path(store_module.__file__).parent / "status.schema.json").read_text(encoding="utf-8")
)
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def steered(root: Path, seconds: int) -> Iterator[Steered]:
    """A rollout after so many seconds; its engine lives as long as the block."""
    with open_store(root) as store:
        # Ends about now: the commands have this machine's clock.
        made = Steered(root, store, Gateway(root, int(time.time()) - seconds))
        made.order("start")
        made.seconds(seconds)
        yield made
        made.pilot.close()


@contextmanager
def answering(root: Path, made: Steered | None, reply: Answer | None = None) -> Iterator[None]:
    """Somebody who looks into the mailbox, as the engine does."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.01):
            if made is not None:
                made.pilot.look(made.gateway.now)
            elif reply is not None:
                for order in mailbox.take(root, 0.0):
                    mailbox.answer(root, order.name, reply)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_nothing_was_ever_started(root: Path, capsys: Captured) -> None:
    assert main([]) == ExitCode.PASS
    assert capsys.readouterr().out.startswith("rollout  none was ever started")
    assert main(["--json"]) == ExitCode.USAGE
    assert capsys.readouterr().out == ""
    assert main(["explain"]) == ExitCode.USAGE
    assert "no decision was ever taken" in capsys.readouterr().err
    for verb in ("pause", "resume", "promote", "abort", "finish"):
        assert main([verb]) == ExitCode.FAILED
        assert "no rollout is under way, none was ever started" in capsys.readouterr().err


def test_json_goes_with_what_only_tells(capsys: Captured) -> None:
    for words in (["--json", "abort"], ["--json", "start"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == ExitCode.USAGE
        assert "--json goes with status and explain, not with" in capsys.readouterr().err


def test_where_it_is_and_what_comes_next(root: Path, capsys: Captured) -> None:
    with steered(root, 6):
        assert main([]) == ExitCode.PASS
        out = capsys.readouterr().out
    assert out.startswith("rollout  STEP: 25 % of the users, step 2 of 4, for ")
    assert "of 10 users of v2" in out
    assert "guard      0 % failed attempts are v2's" in out
    assert "next     50 % " in out
    assert "problem" not in out
    assert "#5 " in out
    assert "engine: advance, 0 -> 25 %: " in out


def test_an_engine_that_died_is_said(root: Path, capsys: Captured) -> None:
    with steered(root, 6):
        pass
    assert main(["status"]) == ExitCode.PASS
    assert "engine   DEAD since" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--json"], ["status", "--json"], ["--json", "status"]])
def test_json_is_the_status(root: Path, capsys: Captured, words: list[str]) -> None:
    with steered(root, 6):
        assert main(words) == ExitCode.PASS
    value = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(SCHEMA).validate(value)
    assert value["state"]["weight"] == 25


def test_a_decision_is_explained(root: Path, capsys: Captured) -> None:
    with steered(root, 6):
        pass
    assert main(["explain", "5"]) == ExitCode.PASS
    out = capsys.readouterr().out
    assert "shadow, 0 % of users, 50 % copied -> step, 25 % of users, 0 % copied" in out
    assert "taken again from what was stored: the same decision" in out
    assert main(["explain", "--json"]) == ExitCode.PASS
    assert json.loads(capsys.readouterr().out)["same"] is True
    assert main(["explain", "4"]) == ExitCode.USAGE
    assert "no decision 4: they are 1, 3, 5" in capsys.readouterr().err


def test_a_decision_that_would_not_be_taken_again_is_a_failure(
    root: Path, capsys: Captured
) -> None:
    with steered(root, 6):
        pass
    path = root / "var/rollout/decisions.jsonl"
    path.write_text(path.read_text().replace('"shadow_pairs":', '"shadow_pairs":1'))
    path.write_text(path.read_text().replace('"shadow_same":', '"shadow_same":1'))
    assert main(["explain", "5"]) == ExitCode.FAILED
    assert "differs: reason" in capsys.readouterr().out


def test_a_command_is_done_or_refused(root: Path, capsys: Captured) -> None:
    with steered(root, 6) as made, answering(root, made):
        assert main(["pause"]) == ExitCode.PASS
        assert capsys.readouterr().out == "pause    paused by a person\n"
        assert main(["pause"]) == ExitCode.FAILED
        assert "refused: it is held already" in capsys.readouterr().err
        assert main(["abort"]) == ExitCode.PASS
    state = read_log(root).state
    assert state is not None
    assert state.phase is Phase.ROLLED_BACK


def test_without_a_workspace_it_says_what_still_helps(root: Path, capsys: Captured) -> None:
    with steered(root, 6):
        pass
    assert main(["abort"]) == ExitCode.UNREACHABLE
    err = capsys.readouterr().err
    assert "no engine runs" in err
    assert "`python -m dashboard canary off` sends everybody to v1" in err


def test_an_engine_that_does_not_answer_is_a_timeout(
    root: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollout_command, "ANSWER_S", 0.1)
    with steered(root, 6):
        assert main(["promote"]) == ExitCode.TIMEOUT
    assert "the command was withdrawn" in capsys.readouterr().err


def test_a_policy_that_makes_no_sense_is_not_sent(root: Path, capsys: Captured) -> None:
    (root / "bad.yaml").write_text(POLICY.replace("weight: 100", "weight: 90"))
    assert main(["start", "--policy", "bad.yaml"]) == ExitCode.USAGE
    assert "bad.yaml:5: the last step is 90: end with weight 100" in capsys.readouterr().err
    assert not (root / "var/rollout").exists()


def test_a_canary_beside_a_rollout_is_warned_of(
    root: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probes.canary.main", lambda words: ExitCode.PASS)
    with steered(root, 6):
        assert cli.main(["canary"]) == ExitCode.PASS
        assert capsys.readouterr().err.count("warning") == 0
        write_experiment(root, Experiment(40))
        cli.main(["canary", "40"])
        assert f"warning: {BY_HAND}" in capsys.readouterr().err


BY_HAND = "a rollout is under way, and holds now: the canary is 40 %, the rollout set 25 %"


@pytest.fixture
def declared(root: Path) -> None:
    """The workspace declares what this repository does."""
    repository = Path(store_module.__file__).parents[1]
    for name in ("process-compose.yaml", ".env", "workload.yaml", "nginx", "monitoring"):
        (root / name).symlink_to(repository / name)


def test_on_the_screen_too(root: Path, declared: None) -> None:
    with steered(root, 6):
        after, said = change_experiment(root, Wanted(weight=40))
        assert after == Experiment(40)
        assert f"warning: {BY_HAND}" in said
        assert "rollout" not in change_experiment(root, Wanted(weight=25))[1]


@pytest.fixture
def measured(root: Path, declared: None, monkeypatch: pytest.MonkeyPatch) -> list[Burst]:
    """What the bursts will come to; the workspace is this repository's."""
    bursts: list[Burst] = []
    monkeypatch.setattr(rollout_measure, "served", lambda instance: DIGEST)
    monkeypatch.setattr(rollout_measure, "burst", lambda instance, workload: bursts.pop(0))
    return bursts


def test_what_the_candidate_can_do_is_noted(
    root: Path, measured: list[Burst], capsys: Captured
) -> None:
    measured.append(Burst(500, 0, 2.0))
    assert main(["measure"]) == ExitCode.PASS
    assert capsys.readouterr().out.startswith(f"capacity 250.0 requests/s of {DIGEST} (1 instance")
    assert capacity.measured(root, DIGEST) == 250.0
    assert capacity.measured(root, "another") is None
    assert capacity.measured(root, None) is None


def test_what_was_not_measured_is_not_noted(
    root: Path, measured: list[Burst], capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured.append(Burst(500, 3, 2.0))
    assert main(["measure"]) == ExitCode.FAILED
    assert "v2-1 failed 3 of 503 requests" in capsys.readouterr().err
    write_experiment(root, Experiment(weight=5))
    assert main(["measure"]) == ExitCode.FAILED
    assert "v2 answers users or copies now" in capsys.readouterr().err
    write_experiment(root, Experiment())
    monkeypatch.setattr(rollout_measure, "served", lambda instance: None)
    assert main(["measure"]) == ExitCode.UNREACHABLE
    assert capacity.measured(root, DIGEST) is None
