"""The files that repeat a port agree, and a change in any of them is found where it is."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.agreement import agreement
from gateway.disagreement import Disagreement
from gateway.processes import read_processes

ROOT = Path(__file__).parents[2]
COMPOSE, UPSTREAMS = "process-compose.yaml", "nginx/upstreams.conf"
SERVERS, PROMETHEUS = "nginx/conf.d/servers.conf", "monitoring/prometheus.yml"
PREDICT, EXPERIMENT = "nginx/snippets/predict.conf", "nginx/conf.d/experiment.conf"
DATASOURCES = "monitoring/grafana/provisioning/datasources"

# How each file spells a port that another file repeats.
SPELLINGS = {
    COMPOSE: re.compile(r"PORT=(\d+)|port: (\d+)|--port (\d+)|listen-address=127\.0\.0\.1:(\d+)"),
    UPSTREAMS: re.compile(r"server 127\.0\.0\.1:(\d+)"),
    SERVERS: re.compile(r"127\.0\.0\.1:(\d+)"),
    PROMETHEUS: re.compile(r"127\.0\.0\.1:(\d+)"),
    "monitoring/grafana/grafana.ini": re.compile(r"^http_port = (\d+)", re.MULTILINE),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for file in (COMPOSE, "workload.yaml"):
        shutil.copy(ROOT / file, tmp_path)
    ignore = shutil.ignore_patterns("certs")
    for folder in ("nginx", "monitoring"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignore)
    return tmp_path


Edit = Callable[[str, str, str], int]


@pytest.fixture
def edit(copy: Path) -> Edit:
    """Replace the only such text of a file; its line number."""

    def _edit(file: str, old: str, new: str) -> int:
        text = (copy / file).read_text()
        assert text.count(old) == 1
        (copy / file).write_text(text.replace(old, new))
        return text.partition(old)[0].count("\n") + 1

    return _edit


def _ports(file: str) -> list[tuple[str, int, int]]:
    """Every port of a file: (file, start of its digits, line)."""
    text = (ROOT / file).read_text()
    found = []
    for match in SPELLINGS[file].finditer(text):
        start = match.start(match.lastindex or 1)
        if not text[: match.start()].rpartition("\n")[2].lstrip().startswith("#"):
            found.append((file, start, text.count("\n", 0, start) + 1))
    return found


ALL_PORTS = [port for file in SPELLINGS for port in _ports(file)]


def test_the_real_files_agree() -> None:
    assert agreement(ROOT) == ()


def test_the_mutations_cover_every_port() -> None:
    counts = {file: len(_ports(file)) for file in SPELLINGS}
    instances = len(read_processes(ROOT).instances)
    # The instances and their probes, exporter and Prometheus twice, nginx and Grafana once;
    # the status server and the one before it listen, and it gets the copies.
    assert counts[COMPOSE] == instances * 2 + 2 * 2 + 2
    assert counts[UPSTREAMS] >= instances
    assert (counts[SERVERS], counts[PROMETHEUS]) == (3, instances + 2)


@pytest.mark.parametrize(
    ("file", "start", "line"), ALL_PORTS, ids=[f"{file}:{line}" for file, _, line in ALL_PORTS]
)
def test_a_changed_port_is_found(copy: Path, file: str, start: int, line: int) -> None:
    text = (copy / file).read_text()
    (copy / file).write_text(text[:start] + "7" + text[start + 1 :])
    found = agreement(copy)
    places = {(item.file, item.line) for item in found}
    declares = file == COMPOSE and "port: " not in text.split("\n")[line - 1]
    if file == COMPOSE and not declares and "8081" not in text.split("\n")[line - 1]:
        # A probe that nobody follows, or (Grafana) one that grafana.ini repeats.
        assert places
        assert all(place in {(COMPOSE, line), _grafana_ini(copy)} for place in places)
    elif declares or file == COMPOSE:
        # The declaration moved: whoever repeats it has to follow.
        assert {place for place, _ in places} & {UPSTREAMS, PROMETHEUS, SERVERS}
        assert (COMPOSE, line) not in places
    else:
        assert places == {(file, line)}


def _grafana_ini(root: Path) -> tuple[str, int]:
    file = "monitoring/grafana/grafana.ini"
    lines = (root / file).read_text().split("\n")
    return file, next(n for n, text in enumerate(lines, 1) if text.startswith("http_port"))


def test_a_moved_instance_names_every_line_that_has_to_follow(copy: Path, edit: Edit) -> None:
    edit(COMPOSE, '"PORT=8102"', '"PORT=8109"')
    found = agreement(copy)
    lines = {item.file: (copy / item.file).read_text().split("\n") for item in found}
    assert {item.file for item in found} == {COMPOSE, UPSTREAMS, PROMETHEUS}
    for item in found:
        assert item.line is not None
        assert "8102" in lines[item.file][item.line - 1]
        assert "8109" in item.expected
        assert "8102" in item.found


def test_every_instance_moved_is_told_apart_in_every_upstream(copy: Path) -> None:
    text = (copy / COMPOSE).read_text()
    moved = re.sub(r"(PORT=|port: )(8[1-7]0\d)", lambda m: m[1] + str(int(m[2]) + 1000), text)
    assert moved != text
    (copy / COMPOSE).write_text(moved)
    lines = (copy / UPSTREAMS).read_text().split("\n")
    found = [item for item in agreement(copy) if item.file == UPSTREAMS]
    assert len(found) == sum("server 127." in line for line in lines)
    for item in found:
        host, _, port = item.found.partition(":")
        assert item.expected.startswith(f"{host}:{int(port) + 1000} (v")
        assert item.line is not None
        lines[item.line - 1] = lines[item.line - 1].replace(port, str(int(port) + 1000))
    (copy / UPSTREAMS).write_text("\n".join(lines))
    assert not [item for item in agreement(copy) if item.file == UPSTREAMS]


def test_an_instance_without_followers(copy: Path, edit: Edit) -> None:
    new = (
        '  v1-4:\n    <<: *instance\n    environment: ["INSTANCE=v1-4", "MODEL_VERSION=v1", '
        '"PORT=8104"]\n    readiness_probe: { http_get: { port: 8104 } }\n'
    )
    edit(COMPOSE, "  # ---- the entry", f"{new}  # ---- the entry")
    found = agreement(copy)
    assert [(item.file, item.expected) for item in found] == [
        (PROMETHEUS, "127.0.0.1:8104"),
        (UPSTREAMS, "127.0.0.1:8104 (v1-4)"),  # of v1 itself
        (UPSTREAMS, "127.0.0.1:8104 (v1-4)"),  # where it stands in for v2
    ]


def test_a_version_without_upstream(copy: Path, edit: Edit) -> None:
    edit(COMPOSE, '"MODEL_VERSION=v2"', '"MODEL_VERSION=v9"')
    messages = [str(item) for item in agreement(copy)]
    assert any("upstream api_v9 { ... }" in message for message in messages)
    assert any("label `version` of v2-1: expected v9, found v2" in message for message in messages)


def test_a_version_that_nobody_reaches(copy: Path, edit: Edit) -> None:
    """The canary alone has another pool: what asks for v2 by header would get v1."""
    line = edit(EXPERIMENT, "    debug   api_v2;\n", "")
    item = _only(agreement(copy))
    place = (copy / EXPERIMENT).read_text().split("\n").index("map $cohort $pool {") + 1
    assert (item.line, item.expected) == (place, "v2 api_v2;")
    assert line > place


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("map $cohort $pool {", "map $http_x_pool $pool {\n    blue api_v2;"),
        ("    default $forced_group;", "    default $http_x_experiment_group;"),
        ("    debug   api_v2;", "    debug   api_v2;\n    ~^d   api_v2;"),
    ],
)
def test_what_no_map_says_is_left_alone(copy: Path, edit: Edit, old: str, new: str) -> None:
    """A header can be anything, a pattern fits many values: any row may be reached."""
    edit(EXPERIMENT, old, new)
    assert agreement(copy) == ()


def _only(found: tuple[Disagreement, ...]) -> Disagreement:
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("file", "old", "new", "expected", "was"),
    [
        (PROMETHEUS, "instance: v1-2, version: v1", "instance: v1-2, version: v2", "v1", "v2"),
        (COMPOSE, "INSTANCE=v1-3", "INSTANCE=v1-9", "v1-3", "v1-9"),
        (SERVERS, "http://api_v1/healthz", "http://api_v9/healthz", "one of", "api_v9"),
        (SERVERS, "http://api_v2$drained", "http://api_v9$drained", "one of", "api_v9"),
        (EXPERIMENT, "default api_v1;", "default api_vl;", "one of", "api_vl"),
        (EXPERIMENT, "debug   api_v2;", "debgu   api_v2;", "one of canary, control", "debgu"),
        ("workload.yaml", "path: /predict", "path: /score", "location = /score", "/predict"),
        # One that only nginx itself gets to.
        ("workload.yaml", "path: /predict", "path: /_chosen", "location = /_chosen", "/predict"),
        (PREDICT, "$drained/predict", "$drained/score", "/predict", "/score"),
        (SERVERS, "$drained/predict", "$drained/score", "/predict", "/score"),
    ],
)
def test_a_changed_name_is_found(
    copy: Path, edit: Edit, file: str, old: str, new: str, expected: str, was: str
) -> None:
    line = edit(file, old, new)
    found = [item for item in agreement(copy) if item.found.startswith(was)]
    assert any(item.expected.startswith(expected) for item in found)
    if file != "workload.yaml":
        assert (file, line) in {(item.file, item.line) for item in found}


def test_a_server_too_many(copy: Path, edit: Edit) -> None:
    old = "    zone api_v2 64k;\n"
    line = edit(UPSTREAMS, old, f"{old}    server 127.0.0.1:8199;\n")
    item = _only(agreement(copy))
    assert (item.line, item.expected, item.found) == (line + 1, "no such server", "127.0.0.1:8199")
    assert str(item).startswith(f"{UPSTREAMS}:{line + 1}: server of upstream api_v2: ")


def test_a_server_twice(copy: Path) -> None:
    text = (copy / UPSTREAMS).read_text()
    line = next(item for item in text.split("\n") if "8103" in item)
    (copy / UPSTREAMS).write_text(text.replace(line, f"{line}\n{line}"))
    assert _only(agreement(copy)).found == "2 times"


def test_a_fallback_has_whole_versions(copy: Path) -> None:
    good = (
        "upstream api_v2_canary { server 127.0.0.1:8201; server 127.0.0.1:8101 backup; "
        "server 127.0.0.1:8102 backup; server 127.0.0.1:8103 backup; }\n"
    )
    text = (copy / UPSTREAMS).read_text()
    (copy / UPSTREAMS).write_text(text + good)
    assert agreement(copy) == ()
    (copy / UPSTREAMS).write_text(text + good.replace("server 127.0.0.1:8102 backup; ", ""))
    assert _only(agreement(copy)).expected == "127.0.0.1:8102 (v1-2)"


def test_two_processes_on_one_port(copy: Path, edit: Edit) -> None:
    for old in ('"PORT=8102"', "port: 8102"):
        edit(COMPOSE, old, old.replace("8102", "8101"))
    messages = [item.message for item in agreement(copy)]
    assert any("a port that v1-1 does not use" in message for message in messages)


def test_a_location_of_your_own_may_go_elsewhere(copy: Path, edit: Edit) -> None:
    own = "    location = /own {\n        proxy_pass http://127.0.0.1:9999;\n    }\n"
    before = "    # Is anything there to answer?"
    edit(SERVERS, before, f"{own}\n{before}")
    assert agreement(copy) == ()


def test_a_directive_without_its_value_is_left_to_nginx(copy: Path, edit: Edit) -> None:
    edit(SERVERS, "proxy_pass http://api_v1/healthz;", "proxy_pass;")
    assert agreement(copy) == ()


def test_a_data_source_elsewhere(copy: Path) -> None:
    (copy / DATASOURCES).mkdir(parents=True, exist_ok=True)
    path = copy / DATASOURCES / "another.yaml"
    path.write_text("datasources:\n  - name: p\n    url: http://127.0.0.1:9091\n")
    item = _only(agreement(copy))
    assert (item.file, item.line) == (f"{DATASOURCES}/another.yaml", 3)
    assert (item.expected, item.found) == ("9090", "9091")
