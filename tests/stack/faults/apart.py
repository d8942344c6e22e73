"""A workspace beside the one of the other tests, whose var/ is a small disk of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.agreement import agreement
from gateway.supervisor import SOCKET, Supervisor
from tests.stack.clone import Clone, cloned
from tests.stack.faults.small_disk import SmallDisk, small_disk

MEGABYTES = 64
"""Models and data are half of it."""
_PORTS = 5000


class Apart(Clone):
    """A clone; its commands run where its disk is."""

    def __init__(self, root: Path, disk: SmallDisk | None) -> None:
        super().__init__(root)
        self.disk = disk
        """None where the machine has no mount namespaces: then var/ is a plain folder."""
        self.seen_root = root if disk is None else disk.seen(root)
        """The same folder for a process that is not there."""

    @property
    def supervisor(self) -> Supervisor:
        """Its process-compose."""
        return Supervisor(self.seen_root / SOCKET)

    @property
    def log(self) -> Path:
        """Its access log."""
        return self.seen_root / "var/logs/access.jsonl"

    def lines(self) -> int:
        """Of the access log."""
        return self.log.read_bytes().count(b"\n")

    def spawn(self, module: str, *words: str, **environ: str) -> subprocess.Popen[str]:
        """As Clone, in there."""
        if self.disk is None:
            return super().spawn(module, *words, **environ)
        return subprocess.Popen(
            [*self.disk.words(self.root), sys.executable, "-m", module, *words],
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


@contextmanager
def apart(root: Path) -> Iterator[Apart]:
    """A copy of the workspace at `root`, started, on ports of its own."""
    with cloned(root) as copied:
        copied.move_declared_ports(_PORTS)
        copied.follow(agreement(copied.root))
        with small_disk(copied.root / "var", MEGABYTES) as disk:
            clone = Apart(copied.root, disk)
            started = clone.start()
            assert started.returncode == 0, started.stderr
            try:
                yield clone
            finally:
                stopped = clone.stop()
            assert stopped.returncode == 0, stopped.stderr
