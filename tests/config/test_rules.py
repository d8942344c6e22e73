"""The rules of Prometheus: accepted, tested case by case, documented, and all of them used."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.gateway_metrics import BUCKETS_MS
from tests.config.test_grafana import dashboards, declared_metrics, metric_names, queries
from tests.config.test_grafana import recorded_metrics as recorded_metrics_of

RULES = "monitoring/rules"
ALWAYS_FIRES = "Watchdog"


def rule_files(repository: Path) -> list[Path]:
    return sorted((repository / RULES).glob("*.yml"))


def test_files(repository: Path) -> list[Path]:
    return sorted((repository / RULES / "tests").glob("*.yml"))


test_files.__test__ = False  # type: ignore[attr-defined]


def rules(repository: Path) -> Iterator[dict[str, Any]]:
    for path in rule_files(repository):
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from group["rules"]


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["promtool", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_promtool_accepts_the_rules(repository: Path) -> None:
    done = promtool("check", "rules", *rule_files(repository))
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_loads_them(repository: Path) -> None:
    config = yaml.safe_load((repository / "monitoring/prometheus.yml").read_text())
    (pattern,) = config["rule_files"]
    assert sorted((repository / "monitoring").glob(pattern)) == rule_files(repository)


def test_every_case_comes_out_as_written(repository: Path) -> None:
    done = promtool("test", "rules", *test_files(repository))
    assert done.returncode == 0, done.stdout + done.stderr


BREAKS = [
    ("slo.yml", "vector(0.995)", "vector(0.9)"),
    ("slo.yml", '"[34]..|50[15]"', '"4..|50[15]"'),
    ("slo.yml", "[1h])) >= 10", "[1h])) >= 0"),
    ("slo.yml", 'upstream!="none",le="0.025"}[5m]', 'le="0.025"}[5m]'),
    ("alerts.yml", 'up{job="services"}', "up"),
    ("alerts.yml", "> 20 / 60) > 0.02", "> 0) > 0.02"),
    ("alerts.yml", '!~"rolled back|finished"', '=~".*"'),
    ("versions.yml", "or 0 * version:gateway_attempts:rate5m", ""),
]


@pytest.mark.parametrize(("file", "old", "new"), BREAKS, ids=[str(n) for n in range(len(BREAKS))])
def test_a_broken_rule_fails_its_cases(
    repository: Path, tmp_path: Path, file: str, old: str, new: str
) -> None:
    (tmp_path / "tests").mkdir()
    for path in rule_files(repository):
        text = path.read_text()
        if path.name == file:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / path.name).write_text(text)
    for path in test_files(repository):
        (tmp_path / "tests" / path.name).write_text(path.read_text())
    # slo.yml has the cases of slo.yml, alerts.yml those of the two others.
    cases = tmp_path / "tests" / ("slo.yml" if file == "slo.yml" else "alerts.yml")
    assert promtool("test", "rules", cases).returncode == 1


def test_every_alert_has_a_case_that_fires_and_one_that_does_not(repository: Path) -> None:
    fires: set[str] = set()
    silent: set[str] = set()
    for path in test_files(repository):
        for case in yaml.safe_load(path.read_text())["tests"]:
            for expected in case.get("alert_rule_test", []):
                (fires if expected["exp_alerts"] else silent).add(expected["alertname"])
    alerts = {rule["alert"] for rule in rules(repository) if "alert" in rule}
    assert fires == alerts
    assert silent == alerts - {ALWAYS_FIRES}


def test_every_alert_says_what_to_do(repository: Path) -> None:
    text = (repository / "docs/operations.md").read_text()
    anchors = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("#")
    }
    for rule in rules(repository):
        if "alert" in rule:
            assert rule["labels"]["severity"] in ("page", "ticket", "none")
            assert set(rule["annotations"]) == {"summary", "runbook"}
            file, _, anchor = rule["annotations"]["runbook"].partition("#")
            assert (file, anchor) == ("docs/operations.md", rule["alert"].lower())
            assert anchor in anchors, f"docs/operations.md has no section {rule['alert']}"


def test_every_metric_of_a_rule_is_one_that_we_have(repository: Path) -> None:
    known = declared_metrics(repository) | recorded_metrics_of(repository)
    for rule in rules(repository):
        assert metric_names(rule["expr"]) - known == set(), rule


def test_everything_recorded_is_used(repository: Path) -> None:
    used = set[str]()
    for rule in rules(repository):
        used |= metric_names(rule["expr"])
    for path in dashboards():
        used |= set[str]().union(
            *map(metric_names, queries(json.loads(path.read_text())["panels"]))
        )
    assert recorded_metrics_of(repository) - used == set()


def test_the_threshold_is_a_bucket(repository: Path) -> None:
    text = (repository / RULES / "slo.yml").read_text()
    (seconds,) = set(re.findall(r'le="([^"]*)"', text))
    assert round(float(seconds) * 1000) in BUCKETS_MS
    assert f"within {float(seconds) * 1000:g} ms" in text
