"""A folder on a small disk of its own, which nobody else on this machine sees.

A tmpfs in a private mount namespace, held by a process: whoever is to see it enters there.
Linux, and root or unprivileged user namespaces.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MS_BIND = 4096  # linux/mount.h
_BLOCK = 64 * 1024


class SmallDisk:
    """What the processes in its namespace see at a folder."""

    def __init__(self, holder: int, folder: Path) -> None:
        self._holder = holder
        self.folder = self.seen(folder)
        self._ballast = self.folder / "ballast"

    def seen(self, path: Path) -> Path:
        """`path` of the namespace, for a process outside of it."""
        return Path(f"/proc/{self._holder}/root") / path.relative_to("/")

    def words(self, folder: Path) -> list[str]:
        """The words before a command that is to run there, in `folder`."""
        enter = ["nsenter", "--target", str(self._holder), "--mount"]
        if os.geteuid() != 0:
            enter += ["--user", "--preserve-credentials"]
        return [*enter, "sh", "-c", 'cd "$0" && exec "$@"', str(folder)]

    def fill(self) -> None:
        """Not a byte is left."""
        with self._ballast.open("ab", buffering=0) as file:
            for block in (_BLOCK, 1):
                try:
                    while True:
                        file.write(b"0" * block)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def make_room(self) -> None:
        """All of it again."""
        self._ballast.unlink()


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk | None]:
    """`folder` with what is in it on a disk of that size; None where the machine forbids it."""
    enter = ["unshare", "--mount"]
    if os.geteuid() != 0:
        enter += ["--user", "--map-current-user", "--keep-caps"]
    command = [*enter, sys.executable, "-m", __name__, str(folder), str(megabytes)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        try:
            mounted = holder.stdout.readline() == b"mounted\n"
            yield SmallDisk(holder.pid, folder) if mounted else None
        finally:
            holder.stdin.close()
            holder.wait()


def _mount(source: bytes, target: Path, kind: bytes, flags: int, options: bytes) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(source, os.fsencode(target), kind, flags, options) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(target))


def _hold(folder: Path, megabytes: int) -> None:
    disk = folder.with_name("small-disk")
    disk.mkdir()
    _mount(b"small-disk", disk, b"tmpfs", 0, f"size={megabytes}m,mode=0755".encode())
    shutil.copytree(folder, disk, symlinks=True, dirs_exist_ok=True)
    _mount(os.fsencode(disk), folder, b"", _MS_BIND, b"")
    sys.stdout.write("mounted\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    _hold(Path(sys.argv[1]), int(sys.argv[2]))
