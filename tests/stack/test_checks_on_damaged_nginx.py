"""Each check of the gateway fails when nginx really behaves otherwise."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from gateway.supervisor import Supervisor
from probes.checks.finding import Finding
from probes.checks.registry import chosen, run
from probes.verdict import Verdict
from probes.workspace import Workspace, load_workspace
from scripts.stack import search_path, wait_until


@pytest.fixture
def workspace(supervisor: Supervisor, root: Path) -> Workspace:
    return load_workspace(root, {})


@pytest.fixture
def nginx(workspace: Workspace, tmp_path: Path, name: str) -> Iterator[Path]:
    """The folder of the running nginx, restored afterwards."""
    folder, intact = workspace.root / "nginx", tmp_path / "intact"
    shutil.copytree(folder, intact)
    yield folder
    shutil.copytree(intact, folder, dirs_exist_ok=True)
    reload_nginx(workspace.root)
    assert becomes(workspace, name, Verdict.PASSED), finding(workspace, name)


def reload_nginx(root: Path) -> None:
    command = ["nginx", "-p", "var", "-c", "../nginx/nginx.conf", "-e", "stderr", "-s", "reload"]
    environ = {**os.environ, "PATH": search_path(root)}
    subprocess.run(command, cwd=root, env=environ, check=True, capture_output=True)


def finding(workspace: Workspace, name: str) -> Finding:
    (check,) = chosen([name])
    return run(check, workspace).finding


def becomes(workspace: Workspace, name: str, verdict: Verdict) -> bool:
    """Whether the check comes to that: old workers may take a few connections more."""
    # Not more often, or the checks themselves would meet the limit.
    return wait_until(partial(has, workspace, name, verdict), 20, 1.0)


def has(workspace: Workspace, name: str, verdict: Verdict) -> bool:
    return finding(workspace, name).verdict is verdict


DAMAGES = (
    # check, file below nginx/, old, new, words of the evidence
    ("auth", "conf.d/servers.conf", 'auth_basic           "Switchyard"', "auth_basic off", "200"),
    ("routing", "conf.d/experiment.conf", "debug   api_v2", "debug   api_v1", "expected v2"),
    ("routing", "conf.d/experiment.conf", "default api_v1;", "default api_v2;", "expected v1"),
    ("balance", "upstreams.conf", "127.0.0.1:8101 ", "127.0.0.1:8101 weight=4 ", "uneven"),
    ("balance", "upstreams.conf", "127.0.0.1:8102 ", "127.0.0.1:8102 down ", "v1-2 0"),
    ("redirect", "conf.d/servers.conf", "return 301 https", "return 302 https", "302"),
    ("redirect", "conf.d/servers.conf", "return 308 https", "return 301 https", "POST: 301"),
    ("hidden-paths", "conf.d/servers.conf", "return 404;", "return 200;", "200, expected 404"),
    ("request-id", "snippets/security-headers.conf", "add_header X-Request-ID", "#", "none"),
    ("request-id", "conf.d/experiment.conf", '"~^[A-Za-z0-9._-]{8,64}$" $http_x', "x $http_x",
     "came back as"),
    ("errors", "snippets/errors.conf", '"detail"', '"message"', "401: the body lacks detail"),
    ("tls", "snippets/tls.conf", "TLSv1.2 TLSv1.3", "TLSv1.2", "TLS 1.3 is refused"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "said"), DAMAGES, ids=[f"{d[0]}-{d[3]}" for d in DAMAGES]
)
def test_what_nginx_does_wrong_is_seen(
    workspace: Workspace, nginx: Path, name: str, file: str, old: str, new: str, said: str
) -> None:
    assert becomes(workspace, name, Verdict.PASSED), finding(workspace, name)
    path = nginx / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    reload_nginx(workspace.root)
    assert becomes(workspace, name, Verdict.FAILED), finding(workspace, name)
    assert said in finding(workspace, name).evidence
