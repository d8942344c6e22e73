"""The three files agree for each number of instances."""

import shutil
from pathlib import Path

import pytest

from bench.cli import ROOT
from bench.instance_count import set_instances
from gateway.agreement import agreement
from gateway.settings import load_settings
from gateway.topology import load_topology


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_so_many_are_declared_and_the_files_agree(tmp_path: Path, count: int) -> None:
    for name in ("process-compose.yaml", ".env", "workload.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("nginx", "monitoring"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("certs"))
    set_instances(tmp_path, count)
    settings = load_settings(tmp_path, {})
    topology = load_topology(tmp_path, settings)
    v1 = [(each.name, each.port) for each in topology.instances if each.version == "v1"]
    assert v1 == [(f"v1-{n}", 8100 + n) for n in range(1, count + 1)]
    assert agreement(tmp_path) == ()
    if count == 3:
        for name in ("process-compose.yaml", "nginx/upstreams.conf", "monitoring/prometheus.yml"):
            assert (tmp_path / name).read_text().count("8103") == (ROOT / name).read_text().count(
                "8103"
            )
