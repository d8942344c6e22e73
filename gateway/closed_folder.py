"""A folder that other users of the machine must not enter."""

import os
import stat
from pathlib import Path

_OWNER, _OWNER_AND_GROUP = 0o700, 0o710


def close_folder(folder: Path, group: int | None = None) -> bool:
    """Let nobody enter `folder` but its owner; whether there was anything to do.

    `group`, if one is given, may enter it too, to open what it knows the name of; it cannot
    list it. Raises OSError.
    """
    found = folder.stat()
    mode = _OWNER if group is None else _OWNER_AND_GROUP
    if stat.S_IMODE(found.st_mode) == mode and group in (None, found.st_gid):
        return False
    # First nobody: at no moment may a group enter that had not been meant.
    folder.chmod(_OWNER)
    if group is not None:
        os.chown(folder, -1, group)
        folder.chmod(mode)
    return True
