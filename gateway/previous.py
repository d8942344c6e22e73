"""The file that was there before: kept beside the new one, and brought back."""

from pathlib import Path

from gateway.atomic import replace_file
from gateway.errors import PrepareError

SUFFIX = ".previous"


def keep_previous(path: Path) -> None:
    """Copy the file, if there is one, to NAME.previous, for its owner only. Raises OSError."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    replace_file(_beside(path), content, 0o600)


def read_previous(root: Path, file: str) -> bytes:
    """What `file` was before. Raises PrepareError where nothing was kept, OSError."""
    try:
        return _beside(root / file).read_bytes()
    except FileNotFoundError:
        problem = "there is none: nothing was replaced here"
        raise PrepareError(f"{file}{SUFFIX}", problem, "nothing to undo") from None


def _beside(path: Path) -> Path:
    return path.with_name(path.name + SUFFIX)
