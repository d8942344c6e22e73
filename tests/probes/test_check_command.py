"""`check` and `drill` as commands, beside a stack that does not run."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from gateway.exit_codes import ExitCode
from probes import check, drill
from probes.checks.absence import last_words
from probes.checks.registry import CHECKS
from probes.verdict import Verdict

ROOT = Path(__file__).parents[2]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files alone, the gateway on ports where nothing listens."""
    for name in ("nginx", "monitoring"):
        ignored = shutil.ignore_patterns("certs")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in (".env", "process-compose.yaml", "workload.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("", 0)) as two:
        ports = one.getsockname()[1], two.getsockname()[1]
    monkeypatch.setenv("GATEWAY_HTTPS_PORT", str(ports[0]))
    monkeypatch.setenv("GATEWAY_HTTP_PORT", str(ports[1]))
    return tmp_path


def test_a_stack_that_is_down_is_explained(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check.main([]) == ExitCode.UNREACHABLE
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert "nothing answers on var/run/pc.sock" in lines[0]
    assert "(gateway HTTPS)" in said.err
    assert "make start-project" in lines[-1]


def test_the_last_words_of_a_process_cannot_steer_the_terminal(tmp_path: Path) -> None:
    assert last_words(tmp_path, "v1-1") == ""
    (tmp_path / "var/logs").mkdir(parents=True)
    (tmp_path / "var/logs/v1-1.log").write_bytes(b"first\n\x1b[2Jlast \xff\n\n")
    assert last_words(tmp_path, "v1-1") == "[2Jlast \N{REPLACEMENT CHARACTER}"


def test_a_port_that_somebody_has_is_named(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        monkeypatch.setenv("GATEWAY_HTTPS_PORT", str(port))
        assert check.main([]) == ExitCode.UNREACHABLE
    assert f"port {port} (gateway HTTPS): taken by another program" in capsys.readouterr().err


def test_json_and_junit_of_a_stack_that_is_down(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check.main(["--json", "--junit", "junit.xml"]) == ExitCode.UNREACHABLE
    document = json.loads(capsys.readouterr().out)
    schema = json.loads((ROOT / "probes/checks.schema.json").read_text())
    jsonschema.validate(document, schema)
    assert [each["id"] for each in document["checks"]] == [each.id for each in CHECKS]
    assert {each["outcome"] for each in document["checks"]} == {Verdict.NOT_MEASURED.value}
    assert 'skipped="13"' in Path("junit.xml").read_text()


def test_a_report_that_cannot_be_written_is_a_usage_error(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check.main(["--junit", "no/such/folder.xml"]) == ExitCode.USAGE
    assert "--junit no/such/folder.xml: No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--only", "nonsense"], ["--timeout", "0"], ["--timeout", "nan"], ["--jsn"], ["extra"]],
)
def test_a_wrong_command_line_is_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        check.main(arguments)
    assert ended.value.code == ExitCode.USAGE
    assert capsys.readouterr().out == ""


def test_a_broken_file_is_a_usage_error(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("workload.yaml").write_text("method: [}")
    assert check.main([]) == drill.main(["--yes"]) == ExitCode.USAGE
    assert "workload.yaml:1" in capsys.readouterr().err


def test_a_drill_without_a_stack_is_unreachable(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert drill.main(["--yes", "--json"]) == ExitCode.UNREACHABLE
    said = capsys.readouterr()
    assert said.out == ""
    assert "make start-project" in said.err


@pytest.mark.parametrize("rate", ["0", "-1", "100000", "nan"])
def test_a_rate_beyond_the_addresses_is_refused(
    workspace: Path, rate: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert drill.main(["--yes", f"--rate={rate}"]) == ExitCode.USAGE
    assert "choose more than 0, up to" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["probes.check", "probes.drill", "probes.ratelimit"])
def test_the_commands_load_nothing_heavy(module: str) -> None:
    heavy = {"textual", "rich", "httpx", "numpy", "asyncio", "fastapi", "prometheus_client"}
    program = f"import sys, {module}; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
