"""The files of Prometheus, judged by promtool."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.settings import load_settings
from gateway.topology import load_topology


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


def test_every_process_is_a_target_under_its_own_name(repository: Path, config: Any) -> None:
    targets = {
        (job["job_name"], group["labels"]["instance"], group["labels"].get("version"))
        for job in config["scrape_configs"]
        for group in job["static_configs"]
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
        assert set(job) <= {"job_name", "static_configs", "metrics_path"}
