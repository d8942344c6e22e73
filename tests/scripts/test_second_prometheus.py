"""The promtool of a newer Prometheus: built once, named, and never an old report."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from gateway.exit_codes import ExitCode
from scripts import second_prometheus
from scripts.second_prometheus import MODULE_VERSION, ROOT, TESTS, VERSION, NotInstalled

GO = """\
#!/bin/bash
[ ! -e "$0.broken" ] || exit 3
printf '#!/bin/sh\\n' >"$GOBIN/promtool"
echo "$@" >>"$0.calls"
"""


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A go that builds an empty promtool, or fails beside a file `go.broken`."""
    program = tmp_path / "go"
    program.write_text(GO)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(second_prometheus, "FOLDER", tmp_path / "prometheus")
    monkeypatch.setattr(second_prometheus, "GO", tmp_path / "nowhere")
    monkeypatch.setattr(second_prometheus, "search_path", lambda _: os.environ["PATH"])
    return program


def test_it_is_built_once(go: Path) -> None:
    for _ in range(2):
        programs = second_prometheus.install()
    (call,) = Path(f"{go}.calls").read_text().splitlines()
    assert call.endswith(f"-tags remove_all_sd {second_prometheus.MODULE}@{MODULE_VERSION}")
    assert (programs / "promtool").exists()


def test_the_version_is_that_of_the_module() -> None:
    major, minor, patch = VERSION.split(".")
    assert f"v0.{major}{minor}.{patch}" == MODULE_VERSION


def test_without_it_nothing_runs(go: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(f"{go}.broken").touch()
    with pytest.raises(NotInstalled, match=r"could not be built: .*status 3"):
        second_prometheus.install()
    assert second_prometheus.main() == ExitCode.USAGE
    go.unlink()
    assert second_prometheus.main() == ExitCode.USAGE
    assert "second-prometheus: no go on PATH" in capsys.readouterr().err


def test_the_counts_are_those_of_the_report(
    go: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = second_prometheus.install()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    (tmp_path / "python").write_text(f"""#!/bin/bash
command -v promtool >"{tmp_path}/seen"
for word; do case $word in --junitxml=*) report=${{word#*=}} ;; esac; done
[ ! -e "$report" ] || echo "an old report" >>"{tmp_path}/seen"
echo '<testsuites><testsuite tests="7" failures="2"/></testsuites>' >"$report"
exit 1
""")
    (tmp_path / "python").chmod(0o755)
    report = tmp_path / "reports/config.xml"
    for _ in range(2):
        assert second_prometheus.run(programs, report, ["-x"]) == (5, 2, "")
    assert (tmp_path / "seen").read_text() == f"{programs}/promtool\n"


def test_its_tests_are_there() -> None:
    assert all((ROOT / test).is_file() for test in TESTS)
