"""The user that the nginx workers run as, and what that user can reach.

Started by root, nginx gives its workers away to `nobody`; started by anybody else, they
stay that user. A worker that cannot read var/htpasswd answers every request with 500.
"""

import grp
import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from gateway.nginx_build import Build

# What a worker opens by itself: the password file at every request, temporary files, and
# the folder in which it looks for canary buckets. The rest is opened before it gives up root.
# The password file is spelt as nginx spells it (prefix, folder of nginx.conf, its own path).
_REACH = "test -x var && test -x var/tmp && test -r var/../nginx/../var/htpasswd"


@dataclass(frozen=True, slots=True)
class Account:
    """User and groups of the workers, by id."""

    user: int
    group: int
    groups: tuple[int, ...]


def worker_account(build: Build | None) -> Account | None:
    """Whom root gives the workers to; None when we are not root, or no such user exists.

    Without a `build` the defaults of nginx count.
    """
    if os.geteuid() != 0:
        return None
    name = "nobody" if build is None else build.user
    # Debian and nixpkgs build with nogroup, others with nobody.
    groups = ("nogroup", "nobody") if build is None or build.group is None else (build.group,)
    for group in groups:
        try:
            user, gid = pwd.getpwnam(name).pw_uid, grp.getgrnam(group).gr_gid
        except KeyError:
            continue
        return Account(user, gid, tuple(os.getgrouplist(name, gid)))
    return None


def worker_can_read(root: Path, account: Account | None) -> bool:
    """Whether the workers can use what is below root/var.

    Tried as that user with relative paths from `root`, exactly as nginx does it: whether
    the folders above matter depends on the kernel's path walk, not on their modes alone.
    """
    if account is None and os.geteuid() == 0:
        return False
    done = subprocess.run(
        # Not from PATH: that may lead through a folder which the other user cannot enter.
        ["/bin/sh", "-c", _REACH],
        cwd=root,
        user=None if account is None else account.user,
        group=None if account is None else account.group,
        extra_groups=None if account is None else account.groups,
        stderr=subprocess.DEVNULL,  # a shell may complain about a folder that it cannot name
    )
    return done.returncode == 0
