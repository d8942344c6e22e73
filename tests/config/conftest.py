"""The configuration files, prepared for the tools that judge them."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.nginx.gateway_copy import NGINX, REPOSITORY, copy_gateway, temporary_root


@dataclass(frozen=True)
class Prepared:
    """A copy of nginx/ with what gateway.prepare adds."""

    root: Path

    @property
    def conf(self) -> Path:
        """Where nginx starts reading."""
        return self.root / "nginx/nginx.conf"

    def check(self, user: str | None = None) -> subprocess.CompletedProcess[str]:
        """`nginx -t`, as another user where one is named (which only root can do)."""
        account = pwd.getpwnam(user) if user is not None else None
        return subprocess.run(
            [*NGINX, "-t"],
            cwd=self.root,
            user=None if account is None else account.pw_uid,
            group=None if account is None else account.pw_gid,
            extra_groups=None if account is None else [],
            capture_output=True,
            text=True,
            timeout=30,
        )

    def give_to(self, user: str) -> None:
        """Change the owner of every file, as if that user had cloned and prepared it."""
        account = pwd.getpwnam(user)
        for path in [self.root, *self.root.rglob("*")]:
            os.chown(path, account.pw_uid, account.pw_gid)


@pytest.fixture
def prepared() -> Iterator[Prepared]:
    """The unmodified files."""
    root = temporary_root()
    try:
        copy_gateway(root, {}, https_port=8443, http_port=8080)
        yield Prepared(root)
    finally:
        shutil.rmtree(root)


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY
