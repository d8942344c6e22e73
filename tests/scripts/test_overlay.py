"""A file laid over process-compose.yaml: its ports, its start, and what stop finds of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import process_table
from gateway.errors import TopologyError
from gateway.exit_codes import ExitCode
from gateway.processes import read_processes
from gateway.settings import load_settings
from gateway.supervisor import Process, ProcessHealth, ProcessStatus, Supervisor
from gateway.topology import load_topology
from scripts import port_check, stack, start_project, stop_project, test
from scripts.overlay import RAY, Overlay
from scripts.stack import StackError

ROOT = Path(__file__).resolve().parents[2]
OVER = Overlay("over.yaml", "with more", 1.0)


def running(name: str, namespace: str = "services") -> Process:
    return Process(
        name=name,
        namespace=namespace,
        status=ProcessStatus.RUNNING,
        health=ProcessHealth.READY,
        restarts=0,
        exit_code=0,
        pid=os.getpid(),
        cpu=0.0,
        mem=0,
        age=0.0,
    )


class Runs(Supervisor):
    """A process-compose that answers, with these processes ready."""

    def __init__(self, *names: str) -> None:
        super().__init__(Path("none"))
        self.names = names

    def alive(self) -> bool:
        return True

    def processes(self) -> tuple[Process, ...]:
        return tuple(map(running, self.names))


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that a start reads, in a folder of their own."""
    for folder in ("nginx", "monitoring"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for pattern in ("process-compose*.yaml", "workload.yaml", ".env", ".pc_env"):
        for path in ROOT.glob(pattern):
            shutil.copy(path, tmp_path)
    (tmp_path / "var/run").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(start_project, "ROOT", tmp_path)
    monkeypatch.setattr(stop_project, "ROOT", tmp_path)
    return tmp_path


def test_the_ports_of_ray_are_its_own() -> None:
    settings = load_settings(ROOT, {})
    topology = load_topology(ROOT, settings)
    plain = [need.port for need in port_check.needs(settings, topology, os.environ["PATH"])]
    ray = [need.port for need in RAY.needs(ROOT)]
    assert len(set(ray)) == len(ray)
    assert not {*ray} & {*plain, topology.grafana_port}
    # The cluster, both proxies, a probe, both ends of a range, a variable.
    assert {8700, 8701, 8702, 8714, 8730, 8759, 8791} <= {*ray}
    assert all(need.hosts == ("127.0.0.1",) for need in RAY.needs(ROOT))


def test_every_port_of_ray_can_be_moved() -> None:
    """The refusal names the files to edit, and at least one."""
    for need in RAY.needs(ROOT):
        assert port_check.literals(ROOT, need.port), need
    proxies = {place.partition(":")[0] for place in port_check.literals(ROOT, 8702)}
    assert proxies == {
        "process-compose.ray.yaml",
        "services/on_ray/door.conf",
        "services/on_ray/door.py",
    }


def test_each_port_is_needed_once_by_whoever_names_it_first(tmp_path: Path) -> None:
    (tmp_path / "over.yaml").write_text(
        "processes:\n"
        "  a: { command: 'x --some-port=8001 --port=8002', environment: [A_PORT=8003, OF=8009] }\n"
        "  b: { command: 'x --report=8008 --some-port=8001', environment: [A_PORT=8003] }\n"
        "  c: { description: nothing }\n"
    )
    found = [(need.port, need.purpose) for need in OVER.needs(tmp_path)]
    assert found == [(8001, "a, some-port"), (8002, "a, port"), (8003, "a, A_PORT")]


@pytest.mark.parametrize("text", [None, "processes: [", "other: {}\n"])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "over.yaml").write_text(text)
    with pytest.raises(TopologyError, match=r"over\.yaml"):
        OVER.needs(tmp_path)


def test_a_start_is_refused_while_the_plain_workspace_runs(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = read_processes(clone).names
    monkeypatch.setattr(start_project, "Supervisor", lambda _: Runs(*plain))
    assert start_project.main(RAY) == ExitCode.USAGE
    said = "the workspace runs, but not on Ray: make stop-project, then start it again"
    assert capsys.readouterr().err == f"start: {said}\n"


def test_what_runs_with_it_is_no_reason_to_refuse(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {*read_processes(clone).names, *RAY.processes(clone)}
    monkeypatch.setattr(start_project, "Supervisor", lambda _: Runs(*names))
    assert start_project.main(RAY) == ExitCode.PASS
    assert "start: the workspace runs already\n" in capsys.readouterr().err


def test_a_plain_start_says_that_it_runs_on_ray(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = tuple(map(running, read_processes(clone).names))
    found = [plain]
    monkeypatch.setattr(Runs, "processes", lambda _: found[0])
    monkeypatch.setattr(start_project, "Supervisor", lambda _: Runs())
    assert start_project.main() == ExitCode.PASS
    assert "start: the workspace runs already\n" in capsys.readouterr().err
    found[0] = (*plain, running("ray-1", "ray"))
    assert start_project.main() == ExitCode.PASS
    said = "start: the workspace runs already, on Ray: make stop-ray ends it\n"
    assert said in capsys.readouterr().err


def test_a_taken_port_of_it_is_refused(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Whether it is free here is not for this test to say.
    monkeypatch.setattr(port_check, "is_taken", lambda port, host: port == 8713)
    monkeypatch.setattr(stack, "launch", lambda *_: pytest.fail("it was started"))
    assert start_project.main(RAY) == ExitCode.FAILED
    said = capsys.readouterr().err
    assert "port 8713 (ray-1, metrics-export-port) is taken by " in said
    assert "process-compose.ray.yaml:" in said


def test_a_start_takes_away_what_a_crash_left(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or Prometheus would go on asking the nodes of a cluster that is gone."""
    left = [clone / "var/run/pc.sock", clone / "var/ray/targets.json"]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    there: list[bool] = []

    def launch(*_: object) -> None:
        there.extend(path.exists() for path in left)
        raise StackError("far enough")

    monkeypatch.setattr(port_check, "is_taken", lambda port, host: False)
    monkeypatch.setattr(start_project, "_run", lambda *_: None)
    monkeypatch.setattr(stack, "launch", launch)
    assert start_project.main() == ExitCode.FAILED
    assert there == [False, False]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for process-compose that notes what it is told."""
    monkeypatch.delenv("SWITCHYARD_TOOLS", raising=False)  # that shell's program would be used
    program = tmp_path / ".tools/bin/process-compose"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$@" >told\n')
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("overlay", "told"),
    [
        (None, "up --detached\n"),
        ("over.yaml", "-f process-compose.yaml -f over.yaml up --detached\n"),
    ],
)
def test_process_compose_is_told_of_both_files(
    tmp_path: Path, program: Path, overlay: str | None, told: str
) -> None:
    stack.launch(tmp_path, {}, overlay)
    assert (tmp_path / "told").read_text() == told


def test_where_one_of_the_files_is_wrong_both_are_named(tmp_path: Path, program: Path) -> None:
    fatal = """26-11-23 07:26:37 FTL Failed to load project error="unknown key 'x'" """
    (tmp_path / "output").write_text(f"{fatal.strip()}\n")
    program.write_text("#!/bin/sh\ncat output >&2\nexit 1\n")
    with pytest.raises(StackError, match=r"^process-compose\.yaml, over\.yaml: unknown key 'x': "):
        stack.launch(tmp_path, {}, "over.yaml")


def test_stop_ends_what_was_started_beside_the_groups(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("not covered: reads /proc")
    monkeypatch.setattr(stop_project, "Supervisor", lambda _: Runs())
    monkeypatch.setattr(stack, "stop", lambda _: 12)
    code = "import time; print(flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=clone,
        env={**os.environ, "PC_PROC_NAME": "ray-2"},
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as worker:
        try:
            assert worker.stdout is not None
            worker.stdout.readline()
            assert stop_project.main() == ExitCode.PASS
            assert not process_table.alive(worker.pid)
        finally:
            worker.kill()
    assert capsys.readouterr().err == "stop: 12 processes stopped\n"


def test_a_plain_run_of_the_tests_installs_no_ray(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CI", "false")
    monkeypatch.setattr(test, "REPORTS", tmp_path)
    monkeypatch.setattr(test, "LAYERS", {"ray": lambda: pytest.fail("it was run")})
    monkeypatch.setenv("PATH", os.environ["PATH"])
    monkeypatch.chdir(Path.cwd())
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        monkeypatch.setenv(name, "")
    assert test.main([]) == ExitCode.PASS
    assert "ray           not run:" in capsys.readouterr().out
