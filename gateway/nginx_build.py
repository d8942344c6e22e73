"""The nginx on PATH: its version, and the account it was built to give its workers."""

import re
import shutil
import subprocess
from dataclasses import dataclass

_SECONDS = 10.0

Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Build:
    """What `nginx -V` says."""

    version: Version
    user: str
    """Default of the `user` directive."""
    group: str | None
    """Its group where the build names one; otherwise it was guessed on the build machine."""


def nginx_build() -> Build | None:
    """The nginx on PATH; None where there is none or it does not say its version.

    Raises subprocess.TimeoutExpired.
    """
    program = shutil.which("nginx")
    if program is None:
        return None
    done = subprocess.run(
        [program, "-V"], capture_output=True, text=True, errors="replace", timeout=_SECONDS
    )
    return parse_build(done.stderr)


def parse_build(text: str) -> Build | None:
    """Read the output of `nginx -V`; None when it has no version."""
    version = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", text)
    if version is None:
        return None
    user = re.search(r"\s--user=([^\s']+)", text)
    group = re.search(r"\s--group=([^\s']+)", text)
    name = "nobody" if user is None else user[1]
    # As the configure script does it: only for nobody it looks into the machine's groups.
    named = group[1] if group is not None else None if name == "nobody" else name
    return Build((int(version[1]), int(version[2]), int(version[3])), name, named)
