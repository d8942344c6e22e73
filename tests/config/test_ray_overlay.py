"""process-compose.ray.yaml and what repeats its ports. Nothing here starts or imports Ray."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.settings import load_settings
from gateway.supervisor import RAY
from gateway.topology import Instance, load_topology
from scripts import overlay
from services.on_ray import deploy, door, loopback

FILE = "process-compose.ray.yaml"
NODES = ("ray-1", "ray-2")

# Of `serve.deployment` and AutoscalingConfig (Ray 2.60), of which deployments.yaml may have any.
OPTIONS = frozenset(
    [
        "num_replicas",
        "ray_actor_options",
        "placement_group_bundles",
        "placement_group_strategy",
        "placement_group_bundle_label_selector",
        "max_replicas_per_node",
        "user_config",
        "max_ongoing_requests",
        "max_queued_requests",
        "backpressure_config",
        "autoscaling_config",
        "graceful_shutdown_wait_loop_s",
        "graceful_shutdown_timeout_s",
        "health_check_period_s",
        "health_check_timeout_s",
        "logging_config",
        "request_router_config",
        "max_constructor_retry_count",
        "gang_scheduling_config",
        "deployment_actors",
        "rolling_update_percentage",
        "max_surge_percent",
    ]
)
SCALING = frozenset(
    [
        "min_replicas",
        "initial_replicas",
        "max_replicas",
        "target_ongoing_requests",
        "metrics_interval_s",
        "look_back_period_s",
        "smoothing_factor",
        "upscale_smoothing_factor",
        "downscale_smoothing_factor",
        "upscaling_factor",
        "downscaling_factor",
        "downscale_delay_s",
        "downscale_to_zero_delay_s",
        "upscale_delay_s",
        "aggregation_function",
        "policy",
    ]
)
SIGNATURES = """
import inspect, json
from ray import serve
from ray.serve.config import AutoscalingConfig
print(json.dumps([list(inspect.signature(kind).parameters) for kind in (
    serve.deployment, AutoscalingConfig)]))
"""


@pytest.fixture(scope="module")
def processes(repository: Path) -> Any:
    return yaml.safe_load((repository / FILE).read_text())["processes"]


@pytest.fixture(scope="module")
def deployments() -> Any:
    return yaml.safe_load(deploy.SETTINGS.read_text())


@pytest.fixture(scope="module")
def instances(repository: Path) -> tuple[Instance, ...]:
    return load_topology(repository, load_settings(repository, {})).instances


@pytest.fixture
def project(repository: Path, tmp_path: Path) -> Path:
    """A folder with both files and what process-compose reads beside them."""
    (tmp_path / "var/run").mkdir(parents=True)
    for name in ("process-compose.yaml", FILE, ".env", ".pc_env"):
        shutil.copy(repository / name, tmp_path)
    return tmp_path


def dry_run(project: Path) -> subprocess.CompletedProcess[str]:
    command = ["process-compose", "-f", "process-compose.yaml", "-f", FILE, "up", "--dry-run"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=30)


def test_process_compose_accepts_both_files(project: Path) -> None:
    done = dry_run(project)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("known", ["readiness_probe:", "namespace:"])
def test_an_unknown_key_is_an_error(project: Path, known: str) -> None:
    path = project / FILE
    text = path.read_text()
    assert known in text
    path.write_text(text.replace(known, f"un{known}"))
    done = dry_run(project)
    assert done.returncode != 0
    assert f"un{known}".rstrip(":") in done.stdout + done.stderr


def argument(processes: Any, node: str, name: str) -> str:
    """The one value of `--name=` in the command of `node`."""
    values = re.findall(rf"--{name}=(\S+)", processes[node]["command"])
    assert len(values) == 1, f"{FILE}: {node}: --{name} stands there {len(values)} times"
    return str(values[0])


def variable(processes: Any, node: str, name: str) -> str:
    """The value of an environment variable of `node`."""
    given = dict(line.split("=", 1) for line in processes[node]["environment"])
    return str(given[name])


def test_the_cluster_has_one_address(processes: Any) -> None:
    expected = f"127.0.0.1:{argument(processes, 'ray-1', 'port')}"
    found = {
        f"{FILE} (ray-2, --address)": argument(processes, "ray-2", "address"),
        "services/on_ray/deploy.py (CLUSTER)": deploy.CLUSTER,
    }
    wrong = {place: value for place, value in found.items() if value != expected}
    assert not wrong, f"{FILE} (ray-1, --port) says {expected}: edit {wrong}"


def test_prometheus_asks_where_the_nodes_show_their_metrics(processes: Any) -> None:
    expected = {node: int(argument(processes, node, "metrics-export-port")) for node in NODES}
    assert expected == loopback.METRICS_PORTS, (
        f"{FILE} (--metrics-export-port) says {expected}: "
        "edit METRICS_PORTS in services/on_ray/loopback.py"
    )


def test_everybody_finds_the_proxies(processes: Any, repository: Path) -> None:
    expected = [deploy.PROXY_PORT]
    expected += [int(variable(processes, "ray-2", "RAY_SERVE_WORKER_PROXY_HTTP_PORT"))]
    source = f"services/on_ray/deploy.py (PROXY_PORT) and {FILE} (ray-2) say {expected}: edit"
    assert list(door.PROXIES) == expected, f"{source} PROXIES in services/on_ray/door.py"
    (declared,) = overlay.RAY.also
    assert declared.port == expected[0], f"{source} _FIRST_PROXY in scripts/overlay.py"
    servers = re.findall(
        r"^ *server 127\.0\.0\.1:(\d+) [^;]*?(backup)?;", _conf(repository), re.MULTILINE
    )
    for kind in ("", "backup"):
        found = [int(port) for port, backup in servers if backup == kind]
        assert found == expected, f"{source} services/on_ray/door.conf ({kind or 'servers'})"
    assert len(servers) == 2 * len(expected)


def _conf(repository: Path) -> str:
    return (repository / "services/on_ray/door.conf").read_text()


@pytest.mark.parametrize("node", NODES)
def test_each_probe_asks_where_the_node_listens(processes: Any, node: str) -> None:
    own, other = door.PROXIES if node == "ray-1" else reversed(door.PROXIES)
    agent = argument(processes, node, "dashboard-agent-listen-port")
    expected = f"sh services/on_ray/node_ready.sh {agent} {own} {other}"
    assert processes[node]["readiness_probe"]["exec"]["command"] == expected, (
        f"{FILE}: {node}: edit the ports in readiness_probe"
    )


def test_no_port_is_given_twice(processes: Any) -> None:
    ranges = [
        range(
            int(argument(processes, node, "min-worker-port")),
            int(argument(processes, node, "max-worker-port")) + 1,
        )
        for node in NODES
    ]
    fixed = [deploy.PROXY_PORT]
    fixed += [int(variable(processes, "ray-2", "RAY_SERVE_WORKER_PROXY_HTTP_PORT"))]
    for name in ("AUTOSCALER_METRIC_PORT", "DASHBOARD_METRIC_PORT"):
        fixed.append(int(variable(processes, "ray-1", name)))
    for node in NODES:
        given = re.findall(r"--(?!min-|max-)[a-z-]*port=(\d+)", processes[node]["command"])
        fixed += map(int, given)
    counted = Counter([*fixed, *ranges[0], *ranges[1]])
    twice = sorted(port for port, count in counted.items() if count > 1)
    assert not twice, f"{FILE}: {twice} stand there more than once"


@pytest.mark.parametrize("node", NODES)
def test_nodes_are_on_loopback_and_tell_nobody(processes: Any, node: str) -> None:
    assert argument(processes, node, "node-ip-address") == "127.0.0.1"
    assert "--disable-usage-stats" in processes[node]["command"]
    assert variable(processes, node, "RAY_USAGE_STATS_ENABLED") == "0"


def test_no_process_of_it_knows_the_login(processes: Any) -> None:
    for name, process in processes.items():
        assert process["command"].startswith("unset GATEWAY_PASSWORD;"), f"{FILE}: {name}"


def test_every_instance_is_a_door_and_the_nodes_are_in_their_namespace(
    processes: Any, instances: tuple[Instance, ...]
) -> None:
    doors = {name for name, each in processes.items() if "services.on_ray.door" in each["command"]}
    assert doors == {instance.name for instance in instances}, f"edit {FILE}"
    named = {name for name, process in processes.items() if process.get("namespace") == RAY}
    assert named == {*NODES} == processes.keys() - doors, (
        f"edit namespace in {FILE} or RAY in gateway/supervisor.py"
    )


def test_every_option_is_one_that_serve_knows(deployments: Any) -> None:
    for version, options in deployments.items():
        unknown = options.keys() - OPTIONS
        assert not unknown, f"services/on_ray/deployments.yaml: {version}: {unknown}"
        unknown = options["autoscaling_config"].keys() - SCALING
        assert not unknown, f"services/on_ray/deployments.yaml: {version}: {unknown}"


def test_the_options_are_those_of_this_ray(repository: Path) -> None:
    python = repository / ".tools/ray/bin/python"
    if not python.exists():
        pytest.skip("not covered: Ray is not installed here (scripts/bootstrap_ray.sh)")
    command = [str(python), "-W", "ignore", "-c", SIGNATURES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    of_deployment, of_scaling = json.loads(done.stdout.splitlines()[-1])
    # The first three are what is deployed and its name.
    assert set(of_deployment) == OPTIONS | {"_func_or_class", "name", "version"}
    assert SCALING.issubset(of_scaling)


def test_both_versions_are_deployed_with_a_replica_for_each_instance(
    deployments: Any, instances: tuple[Instance, ...]
) -> None:
    declared = Counter(instance.version for instance in instances)
    scaling = {version: each["autoscaling_config"] for version, each in deployments.items()}
    fewest = {version: each["min_replicas"] for version, each in scaling.items()}
    assert fewest == declared, (
        f"process-compose.yaml declares {dict(declared)}: "
        "edit min_replicas in services/on_ray/deployments.yaml"
    )
    assert all(each["min_replicas"] <= each["max_replicas"] for each in scaling.values())


@pytest.mark.parametrize("node", NODES)
def test_replicas_are_less_nice_than_a_node_that_starts(processes: Any, node: str) -> None:
    assert 0 <= int(variable(processes, node, "RAY_worker_niceness")) < loopback.NICER


def test_the_first_node_finds_its_state_again(processes: Any) -> None:
    assert "RAY_gcs_storage=rocksdb;" in processes["ray-1"]["command"]


def test_the_nodes_offer_what_replicas_reserve(processes: Any, deployments: Any) -> None:
    offered = sum(int(argument(processes, node, "num-cpus")) for node in NODES)
    reserved = sum(
        each["autoscaling_config"]["max_replicas"] * each["ray_actor_options"]["num_cpus"]
        for each in deployments.values()
    )
    assert reserved <= offered, f"edit --num-cpus in {FILE} or services/on_ray/deployments.yaml"
