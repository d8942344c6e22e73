"""The files of Prometheus, judged by promtool."""

import json
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from gateway.settings import load_settings
from gateway.topology import load_topology
from scripts.stack import wait_until
from tests.nginx.gateway_copy import free_ports


@pytest.fixture
def config(repository: Path) -> Any:
    return yaml.safe_load((repository / "monitoring/prometheus.yml").read_text())


def check(path: Path) -> subprocess.CompletedProcess[str]:
    command = ["promtool", "check", "config", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def test_promtool_accepts_the_file(repository: Path) -> None:
    done = check(repository / "monitoring/prometheus.yml")
    assert done.returncode == 0, done.stderr
    assert "SUCCESS" in done.stdout


def test_promtool_refuses_a_key_it_does_not_know(repository: Path, tmp_path: Path) -> None:
    # So that the test above says something.
    text = (repository / "monitoring/prometheus.yml").read_text()
    broken = tmp_path / "prometheus.yml"
    broken.write_text(text.replace("static_configs", "static_config", 1))
    assert check(broken).returncode == 1


@pytest.fixture
def copied(repository: Path, tmp_path: Path) -> Path:
    """The file in a folder of its own, where there may be a Ray cluster or not."""
    shutil.copytree(repository / "monitoring", tmp_path / "monitoring")
    (tmp_path / "var/ray").mkdir(parents=True)
    return tmp_path / "monitoring/prometheus.yml"


NODES = [{"targets": ["127.0.0.1:8713"], "labels": {"node": "ray-1"}}]


@pytest.mark.parametrize("targets", [None, json.dumps(NODES)])
def test_promtool_accepts_the_file_with_and_without_ray(copied: Path, targets: str | None) -> None:
    if targets is not None:
        (copied.parents[1] / "var/ray/targets.json").write_text(targets)
    done = check(copied)
    assert (done.returncode, done.stderr) == (0, "")
    assert ("does not exist" in done.stdout) is (targets is None)  # a warning, no more


def test_promtool_reads_whom_to_ask_of_ray(copied: Path) -> None:
    # So that the test above says something.
    (copied.parents[1] / "var/ray/targets.json").write_text('[{"hosts": []}]')
    assert check(copied).returncode == 1


def test_a_cluster_is_found_whose_folder_was_made_after_the_start(copied: Path) -> None:
    """It cannot be watched for changes then."""
    root = copied.parents[1]
    (root / "var/ray").rmdir()
    (port,) = free_ports(1)
    command = ["prometheus", f"--config.file={copied}", f"--storage.tsdb.path={root / 'data'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}"]
    api = f"http://127.0.0.1:{port}/api/v1/targets"

    def found() -> set[str]:
        with suppress(httpx.TransportError, ValueError):  # it starts, and says so in words
            answer = httpx.get(api).json()
            return {each["labels"].get("node", "") for each in answer["data"]["activeTargets"]}
        return set()

    with (root / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as running:
        try:
            assert wait_until(lambda: found() == {""}, 30.0), (root / "log").read_text()
            (root / "var/ray").mkdir()
            (root / "var/ray/targets.json").write_text(json.dumps(NODES))
            assert wait_until(lambda: "ray-1" in found(), 30.0)
        finally:
            running.terminate()


def test_every_process_is_a_target_under_its_own_name(repository: Path, config: Any) -> None:
    targets = {
        (job["job_name"], group["labels"]["instance"], group["labels"].get("version"))
        for job in config["scrape_configs"]
        for group in job.get("static_configs", ())  # Ray's nodes are named while they run
    }
    instances = load_topology(repository, load_settings(repository, {})).instances
    assert targets == {
        *(("services", instance.name, instance.version) for instance in instances),
        ("gateway", "gateway", None),
        ("prometheus", "prometheus", None),
    }


def test_only_keys_that_2_and_3_both_know(config: Any) -> None:
    # promtool judges for its own version; 2.42 refuses what 3.x added, for example
    # fallback_scrape_protocol, and 3.x has dropped some keys of 2.x.
    assert set(config) <= {"global", "rule_files", "scrape_configs"}
    assert set(config["global"]) <= {"scrape_interval", "scrape_timeout", "evaluation_interval"}
    for job in config["scrape_configs"]:
        assert set(job) <= {
            "job_name",
            "static_configs",
            "file_sd_configs",
            "metric_relabel_configs",
            "metrics_path",
        }
