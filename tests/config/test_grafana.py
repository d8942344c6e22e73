"""Grafana's files and how it is started. No test has a Grafana to ask."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from configparser import ConfigParser
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

ABSENT = (
    "Grafana was not started: no grafana binary on PATH (optional; `nix develop` brings one).\n"
)
GRAFANA = "monitoring/grafana"
# A stand-in: it is no Grafana, it only repeats how it was called.
STAND_IN = '#!/bin/sh\nprintf "%s\\n" "$SWITCHYARD_DASHBOARDS" "$@"\n'


# ---- scripts/grafana.sh ------------------------------------------------


@pytest.fixture
def clone(repository: Path, tmp_path: Path) -> Path:
    """A folder with the script; a space in its name, as a person may have."""
    root = tmp_path / "my clone"
    (root / "scripts").mkdir(parents=True)
    script = root / "scripts/grafana.sh"
    script.write_bytes((repository / "scripts/grafana.sh").read_bytes())
    script.chmod(0o755)
    return root


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH with what the script calls, and no Grafana whatever this machine has."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for tool in ("sh", "dirname", "readlink", "mkdir"):
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    return folder


def stand_in(binary: Path, home: Path) -> None:
    """Install the stand-in, and the file by which Grafana's own folder is known."""
    for folder in (binary.parent, home / "conf"):
        folder.mkdir(parents=True, exist_ok=True)
    binary.write_text(STAND_IN)
    binary.chmod(0o755)
    (home / "conf/defaults.ini").touch()


def start(
    clone: Path, *folders: Path, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["scripts/grafana.sh"],
        cwd=clone,
        env={"PATH": os.pathsep.join(map(str, folders)), **(environ or {})},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_without_grafana_one_line_and_success(clone: Path, path: Path) -> None:
    done = start(clone, path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ABSENT)


@pytest.mark.parametrize(
    ("name", "home", "subcommand"),
    [
        ("grafana", "share/grafana", ["server"]),
        ("grafana", ".", ["server"]),
        ("grafana-server", "share/grafana", []),
    ],
)
def test_grafana_is_started_on_our_files(
    clone: Path, path: Path, tmp_path: Path, name: str, home: str, subcommand: list[str]
) -> None:
    installed = tmp_path / "installed"
    stand_in(installed / "bin" / name, installed / home)
    # As a package manager links it.
    (path / name).symlink_to(installed / "bin" / name)
    done = start(clone, path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{clone}/monitoring/grafana/dashboards",
        *subcommand,
        "--homepath",
        str((installed / home).resolve()),
        "--config",
        f"{clone}/monitoring/grafana/grafana.ini",
        f"cfg:paths.data={clone}/var/grafana",
        f"cfg:paths.logs={clone}/var/grafana/log",
        f"cfg:paths.plugins={clone}/var/grafana/plugins",
        f"cfg:paths.provisioning={clone}/monitoring/grafana/provisioning",
        "cfg:dashboards.default_home_dashboard_path="
        f"{clone}/monitoring/grafana/dashboards/gateway.json",
    ]
    assert (clone / "var/grafana").is_dir()


def test_grafana_home_wins(clone: Path, path: Path, tmp_path: Path) -> None:
    stand_in(tmp_path / "installed/bin/grafana", tmp_path / "installed/share/grafana")
    stand_in(tmp_path / "other/unused", tmp_path / "other")
    done = start(
        clone,
        path,
        tmp_path / "installed/bin",
        environ={"GRAFANA_HOME": str(tmp_path / "other")},
    )
    assert done.stdout.splitlines()[2:4] == ["--homepath", str(tmp_path / "other")]


@pytest.mark.skipif(
    Path("/usr/share/grafana/conf/defaults.ini").exists(), reason="this machine has a Grafana"
)
def test_half_an_installation_is_an_error(clone: Path, path: Path, tmp_path: Path) -> None:
    stand_in(tmp_path / "installed/bin/grafana", tmp_path / "elsewhere")
    done = start(clone, path, tmp_path / "installed/bin")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Set GRAFANA_HOME" in done.stderr


# ---- grafana.ini and provisioning ---------------------------------------


def test_grafana_stays_on_this_machine(repository: Path) -> None:
    ini = ConfigParser(interpolation=None)
    ini.read(repository / GRAFANA / "grafana.ini")
    assert ini["server"]["http_addr"] == "127.0.0.1"
    assert ini["server"]["http_port"] == "3000"
    # Against DNS rebinding: a page of any other name is sent to this one.
    assert ini["server"]["domain"] == "localhost"
    assert ini.getboolean("server", "enforce_domain")
    off = {
        "analytics": ("reporting_enabled", "check_for_updates", "check_for_plugin_updates"),
        "news": ("news_feed_enabled",),
        "snapshots": ("external_enabled",),
    }
    for section, keys in off.items():
        assert [ini.getboolean(section, key) for key in keys] == [False] * len(keys)
    assert ini.getboolean("plugins", "preinstall_disabled")
    assert ini.getboolean("security", "disable_gravatar")


@pytest.fixture
def datasource(repository: Path) -> Any:
    path = repository / GRAFANA / "provisioning/datasources/prometheus.yml"
    (source,) = yaml.safe_load(path.read_text())["datasources"]
    return source


def test_data_source_is_our_prometheus(repository: Path, datasource: Any) -> None:
    config = yaml.safe_load((repository / "monitoring/prometheus.yml").read_text())
    targets = {job["job_name"]: job.get("static_configs") for job in config["scrape_configs"]}
    assert datasource["type"] == "prometheus"
    assert [datasource["url"]] == [
        f"http://{target}" for group in targets["prometheus"] for target in group["targets"]
    ]
    # Otherwise $__rate_interval is too short, and panels are empty.
    assert datasource["jsonData"]["timeInterval"] == config["global"]["scrape_interval"]


def test_provider_reads_the_folder_that_the_script_names(repository: Path) -> None:
    path = repository / GRAFANA / "provisioning/dashboards/files.yml"
    (provider,) = yaml.safe_load(path.read_text())["providers"]
    assert provider["options"]["path"] == "${SWITCHYARD_DASHBOARDS}"
    assert "export SWITCHYARD_DASHBOARDS=" in (repository / "scripts/grafana.sh").read_text()


# ---- dashboards ----------------------------------------------------------


def dashboards() -> list[Path]:
    return sorted((Path(__file__).parents[2] / GRAFANA / "dashboards").glob("*.json"))


@pytest.fixture(params=dashboards(), ids=lambda path: path.stem)
def panels(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    dashboard = json.loads(request.param.read_text())
    assert dashboard["uid"] == f"switchyard-{request.param.stem}"
    panels: list[dict[str, Any]] = dashboard["panels"]
    return panels


def queries(panels: list[dict[str, Any]]) -> Iterator[str]:
    for panel in panels:
        for target in panel["targets"]:
            yield target["expr"]


def test_every_panel_reads_the_provisioned_source(
    panels: list[dict[str, Any]], datasource: Any
) -> None:
    wanted = {"type": datasource["type"], "uid": datasource["uid"]}
    for panel in panels:
        assert panel["datasource"] == wanted, panel["title"]
        assert [target["datasource"] for target in panel["targets"]] == [wanted] * len(
            panel["targets"]
        )


def test_panels_have_their_own_id_and_place(panels: list[dict[str, Any]]) -> None:
    ids = [panel["id"] for panel in panels]
    assert sorted(set(ids)) == sorted(ids)
    for one, other in combinations(panels, 2):
        a, b = one["gridPos"], other["gridPos"]
        apart = (
            a["x"] + a["w"] <= b["x"]
            or b["x"] + b["w"] <= a["x"]
            or a["y"] + a["h"] <= b["y"]
            or b["y"] + b["h"] <= a["y"]
        )
        assert apart, f"{one['title']} lies over {other['title']}"
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


def test_every_query_is_promql(panels: list[dict[str, Any]], tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:query:{number}", "expr": query.replace("$__rate_interval", "20s")}
        for number, query in enumerate(queries(panels))
    ]
    assert rules
    assert not any("$" in rule["expr"] for rule in rules)
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", str(path)], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stdout + done.stderr


def declared_metrics(repository: Path) -> set[str]:
    """Every series name that something here exposes, compared as text."""
    sources = [repository / "services/metrics.py", *(repository / "gateway").glob("*.py")]
    words = {
        word
        for source in sources
        for word in re.findall(r'"([a-z][a-z0-9]*(?:_[a-z0-9]+)+)"', source.read_text())
    }
    suffixes = ("", "_total", "_bucket", "_count", "_sum")
    series = {word + suffix for word in words for suffix in suffixes}
    # Prometheus makes the first two, prometheus-client's process collector the others.
    process = ("resident_memory_bytes", "cpu_seconds_total", "open_fds", "start_time_seconds")
    return series | {"up", "ALERTS", "model_info", *(f"process_{name}" for name in process)}


def recorded_metrics(repository: Path) -> set[str]:
    """What monitoring/rules records."""
    groups = [
        group
        for path in (repository / "monitoring/rules").glob("*.yml")
        for group in yaml.safe_load(path.read_text())["groups"]
    ]
    return {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}


def metric_names(query: str) -> set[str]:
    """The series that a query selects: words that are no function, keyword or label."""
    bare = re.sub(
        r'"[^"]*"|\b(?:by|on|ignoring|without|group_left)\s*\([^)]*\)|\[[^]]*\]', "", query
    )
    bare = re.sub(r"\{[^}]*\}", "", bare)
    return set(re.findall(r"\b([A-Za-z_][\w:]*)\b(?!\s*\()", bare)) - {
        "or",
        "and",
        "unless",
        "bool",
    }


def test_every_metric_of_a_panel_is_one_that_we_declare(
    repository: Path, panels: list[dict[str, Any]]
) -> None:
    used = set[str]().union(*map(metric_names, queries(panels)))
    assert len(used) > 5
    assert used - declared_metrics(repository) - recorded_metrics(repository) == set()
