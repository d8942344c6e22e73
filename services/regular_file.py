"""Reads a file that a person named."""

import errno
import os
import stat
from pathlib import Path


def read_regular(path: Path, most: int) -> bytes:
    """The whole content.

    Raises OSError, also for more than `most` bytes, and for what is no file: a pipe that nobody
    writes to would be waited for, a device such as /dev/zero read for ever.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    status = os.fstat(descriptor)
    problem = None
    if not stat.S_ISREG(status.st_mode):
        problem = OSError(errno.EINVAL, "is not a regular file", str(path))
    elif status.st_size > most:
        problem = OSError(errno.EFBIG, f"has more than {most:,} bytes", str(path))
    if problem is not None:
        os.close(descriptor)
        raise problem
    with os.fdopen(descriptor, "rb") as file:
        return file.read()
