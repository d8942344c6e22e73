from __future__ import annotations

from pathlib import Path

import pytest

from gateway.exit_codes import ExitCode
from gateway.supervisor import Process, ProcessHealth, ProcessStatus, Supervisor
from scripts import stack
from scripts.stack import StackError, watch

FATAL = (
    "\x1b[90m26-11-23 07:26:37\x1b[0m \x1b[31mFTL\x1b[0m \x1b[1mFailed to load project\x1b[0m "
    "\x1b[36merror=\x1b[0m\x1b[31m\x1b[1m\"unknown key 'x' found in process 'v1-1'\"\x1b[0m\n"
)


class Replay(Supervisor):
    """Answers with one state after the other, the last one for ever."""

    def __init__(self, *states: Process) -> None:
        super().__init__(Path("none"))
        self.states = list(states)

    def processes(self) -> tuple[Process, ...]:
        return (self.states.pop(0) if len(self.states) > 1 else self.states[0],)


def restarting(restarts: int, exit_code: int, ready: bool = False) -> Process:
    return Process(
        name="v1-1",
        namespace="services",
        status=ProcessStatus.RUNNING,
        health=ProcessHealth.READY if ready else ProcessHealth.NOT_READY,
        restarts=restarts,
        exit_code=exit_code,
        pid=1,
        cpu=0.0,
        mem=0,
        age=0.0,
    )


def test_a_process_that_ends_again_and_again_for_its_configuration_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack, "LOGS", tmp_path)
    (tmp_path / "v1-1.log").write_text("service: model.folded does not match\n")
    supervisor = Replay(*(restarting(count, 2) for count in range(9)))
    with pytest.raises(StackError, match=r"v1-1 ended with code 2: .*model\.folded") as error:
        list(watch(supervisor, 10, 0.001))
    assert error.value.code is ExitCode.USAGE


@pytest.mark.parametrize(
    "states",
    [
        # exit_code is of an earlier life and says nothing about this one
        [restarting(7, 2), restarting(7, 2), restarting(7, 2, ready=True)],
        # an accident at the start heals
        [restarting(0, 1), restarting(1, 1), restarting(5, 1), restarting(5, 1, ready=True)],
    ],
)
def test_others_are_waited_for(states: list[Process]) -> None:
    *_, last = watch(Replay(*states), 10, 0.001)
    assert last[0].is_ready


@pytest.mark.parametrize(
    ("output", "said", "code"),
    [
        (
            FATAL,
            "process-compose.yaml: unknown key 'x' found in process 'v1-1': correct it; "
            "nothing was started",
            ExitCode.USAGE,
        ),
        ("", "process-compose did not start: it gave no reason", ExitCode.FAILED),
        ("one\ntwo\n", "process-compose did not start: two", ExitCode.FAILED),
    ],
)
def test_the_reason_of_process_compose_is_told_without_colours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, said: str, code: ExitCode
) -> None:
    monkeypatch.delenv("SWITCHYARD_TOOLS", raising=False)  # that shell's program would be used
    program = tmp_path / ".tools/bin/process-compose"
    program.parent.mkdir(parents=True)
    (tmp_path / "output").write_text(output)
    program.write_text("#!/bin/sh\ncat output >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(StackError) as error:
        stack.launch(tmp_path, {})
    assert str(error.value).startswith(said)
    assert error.value.code is code
