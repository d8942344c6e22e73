"""Writes a file so that it is either the old one or the new one, never half of it."""

import os
from pathlib import Path


def replace_file(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Replace `path` by `content` with exactly these permissions, whatever the umask is.

    The new file grows beside the old one and takes its name when it is complete, so an
    interrupted run leaves at worst a `.NAME.new` behind, which the next run overwrites.
    Raises OSError.
    """
    data = content.encode() if isinstance(content, str) else content
    growing = path.with_name(f".{path.name}.new")
    growing.unlink(missing_ok=True)
    # O_EXCL with the final mode: a secret is at no moment readable by others.
    descriptor = os.open(growing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode & 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    growing.replace(path)
