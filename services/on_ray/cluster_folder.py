"""Where the cluster of this clone keeps sockets, logs and what the first node has to remember.

It lasts as long as one of the nodes runs. So a first node that comes back finds what it knew,
because another one has kept the folder; whoever is the last to end removes it.
"""

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent.parent
_TEMPORARY = Path("/tmp")  # noqa: S108 - not TMPDIR, which may be long; what is in there is 0700


def path() -> Path:
    """The folder.

    Not below var/: the path of a socket has at most 107 bytes, of which Ray takes 66 and "/ray" 4.
    """
    name = sha256(str(ROOT).encode()).hexdigest()[:8]
    return _TEMPORARY / f"switchyard-{os.getuid()}-{name}"


def state() -> Path:
    """The part of it that the first node reads when it comes back."""
    return path() / "gcs"


@contextmanager
def held(is_first: bool) -> Iterator[int]:
    """Keep the folder while a node runs; how many have started in this cluster before it.

    `is_first`: the node with the controller, which empties the folder where no other node runs.
    Raises SystemExit where the folder is not ours.
    """
    lock = ROOT / "var/ray/nodes.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    # The kernel lets go of it when the node ends, however it ends.
    with lock.open("a+") as file:
        earlier = _earlier(file) + 1
        if is_first and _is_alone(file):
            earlier = 0
            shutil.rmtree(path(), ignore_errors=True)
        fcntl.flock(file, fcntl.LOCK_SH)
        file.truncate(0)
        file.write(str(earlier))
        file.flush()
        if is_first:
            _make()
        try:
            yield earlier
        finally:
            if _is_alone(file):
                shutil.rmtree(path(), ignore_errors=True)


def _is_alone(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _earlier(file: IO[str]) -> int:
    """The number of the node that has started last."""
    file.seek(0)
    text = file.read()
    return int(text) if text.isdecimal() else 0


def _make() -> None:
    """The folder is there, and for us alone: Ray opens what it makes in it."""
    folder = path()
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    if not is_ours or stat.S_IMODE(found.st_mode) != 0o700:
        raise SystemExit(f"ray: {folder} is not ours: remove it, or have its owner do it")
