"""What Serve is told, and what is said of settings that it does not take. No Ray: stub modules."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.on_ray import deploy
from tests.services.on_ray import stub_ray


class Cluster:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.connected: dict[str, Any] = {}
        self.started: dict[str, Any] = {}
        self.options: dict[str, Any] = {}
        self.bound: tuple[Any, ...] = ()
        self.run: dict[str, Any] = {}
        self.refusal: Exception | None = None

    def init(self, **options: Any) -> None:
        self.connected = options

    def start(self, **options: Any) -> None:
        self.started = options

    def deployment(self, ingress: object, **options: Any) -> Cluster:
        if self.refusal is not None:
            raise self.refusal
        self.options = options
        return self

    def bind(self, *arguments: Any) -> str:
        self.bound = arguments
        return "the application"

    def run_(self, application: str, **options: Any) -> None:
        self.run = {"application": application, **options}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    cluster = Cluster()
    stub_ray.install(monkeypatch, "ray", init=cluster.init)
    stub_ray.serving(
        monkeypatch,
        start=cluster.start,
        deployment=cluster.deployment,
        run=cluster.run_,
        ingress=lambda: lambda kind: kind,
    )
    stub_ray.install(monkeypatch, "ray.serve.config", HTTPOptions=lambda **options: options)
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"):
        monkeypatch.setenv(name, "put back after the test")
    monkeypatch.setenv("MODEL_VERSION", "v1")
    for name in ("MODELS_DIR", "FAULTS_FILE", "GATEWAY_LISTEN_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "argv", ["deploy", "abc"])
    yield cluster
    sys.modules.pop("services.on_ray.replica", None)


def test_the_version_is_deployed_with_its_options(cluster: Cluster) -> None:
    assert deploy.main() == 0
    assert cluster.connected["address"] == deploy.CLUSTER
    assert cluster.started == {
        "proxy_location": "EveryNode",
        "http_options": {"host": "127.0.0.1", "port": deploy.PROXY_PORT},
    }
    declared = yaml.safe_load(deploy.SETTINGS.read_text())["v1"]
    assert cluster.options == {"name": "v1", **declared}
    assert cluster.run == {
        "application": "the application",
        "name": "v1",
        "route_prefix": "/v1",
    }


@pytest.mark.parametrize("folder", ["var/models", "elsewhere/models"])
def test_replicas_read_the_folder_that_the_door_reads(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    if folder != "var/models":
        monkeypatch.setenv("MODELS_DIR", folder)
    assert deploy.main() == 0
    assert cluster.bound == ("v1", "abc", folder, None)


def test_replicas_fail_on_purpose_where_the_door_is_told_so(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAULTS_FILE", "var/faults.json")
    assert deploy.main() == 0
    assert cluster.bound == ("v1", "abc", "var/models", "var/faults.json")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("v1: [", "deploy: deployments.yaml has no options of v1 ("),
        ("v2: {}\n", "deploy: deployments.yaml has no options of v1 ("),
        ("", "deploy: deployments.yaml has no options of v1 ("),
        ("v1: 3\n", "deploy: deployments.yaml: v1 is no mapping (option: value)\n"),
    ],
)
def test_a_file_that_says_nothing_of_the_version_is_refused(
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: str,
    said: str,
) -> None:
    path = tmp_path / "deployments.yaml"
    path.write_text(content)
    monkeypatch.setattr(deploy, "SETTINGS", path)
    assert deploy.main() == deploy.EXIT_CONFIGURATION
    assert capsys.readouterr().err.startswith(said)
    assert cluster.connected == {}


@pytest.mark.parametrize(
    "refusal", [TypeError("unexpected keyword argument 'replicas'"), ValueError("must be > 0")]
)
def test_options_that_serve_does_not_take_are_refused_before_the_cluster_is_asked(
    cluster: Cluster, capsys: pytest.CaptureFixture[str], refusal: Exception
) -> None:
    cluster.refusal = refusal
    assert deploy.main() == deploy.EXIT_CONFIGURATION
    said = capsys.readouterr().err
    assert said == f"deploy: deployments.yaml: v1: {refusal}; correct that\n"
    assert cluster.connected == {}
