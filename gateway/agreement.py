"""Do the files that repeat a fact say the same? Each difference names the line to edit.

process-compose.yaml declares; its own probes, nginx/, monitoring/ and workload.yaml
repeat. So "expected" is what process-compose.yaml says (for the workload path: what
workload.yaml says), and the line is the one that has to follow.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from gateway import nginx_files, processes, reachable, scrape_targets
from gateway.disagreement import Disagreement, differs
from gateway.errors import Place, TopologyError, in_words
from gateway.nginx_files import Directive, Server, Upstream
from gateway.ports import parse_port
from gateway.processes import Declared, DeclaredInstance, Port
from gateway.topology import HOST
from gateway.workload import load_workload

# The two that send what is predicted on: the gateway's, and that of the shadow.
_PREDICT_PASS = re.compile(r"http://[\w$]+\$drained(/[^$?]*)\$is_args\$args")
# To the status server, which takes copies of requests.
_COPY_PASS = re.compile(r"http://127\.0\.0\.1:(\d+)/shadow\b")
_GRAFANA_PORTS = (
    # files below monitoring/grafana/, how they spell a port, and whose port it is
    (
        "provisioning/datasources/*.y*ml",
        re.compile(r"^\s*url:\s*\S*?//[^/\s:]+:(\d+)", re.MULTILINE),
        "prometheus",
    ),
    ("grafana.ini", re.compile(r"^\s*http_port\s*=\s*(\d+)", re.MULTILINE), "grafana"),
)


def agreement(root: Path) -> tuple[Disagreement, ...]:
    """Every difference between the files of the workspace at `root`, () when they agree.

    Raises TopologyError or WorkloadError when a file cannot be read at all.
    """
    declared = processes.read_processes(root)
    nginx = nginx_files.read_nginx(root)
    targets = scrape_targets.read_targets(root)
    found = [
        *_process_ports(declared),
        *_upstreams(declared, nginx_files.upstreams(nginx)),
        *reachable.names(nginx),
        *reachable.ways(declared, nginx),
        *_status_port(declared, nginx),
        *_instance_targets(declared, targets),
        *_other_targets(declared, targets),
        *_grafana(root, declared),
        *_workload_path(root, nginx),
    ]
    return tuple(sorted(set(found), key=lambda item: (item.file, item.line or 0, item.message)))


def _process_ports(declared: Declared) -> Iterator[Disagreement]:
    """Names and ports inside process-compose.yaml: each probe asks where the process listens."""
    pairs: list[tuple[str, Port, Port | None]] = []
    for instance in declared.instances:
        pairs.append((instance.process, instance.port, instance.probe))
        if instance.name != instance.process:
            # The supervisor knows the process, headers and metrics know INSTANCE.
            what = f"INSTANCE of the process {instance.process}"
            yield differs(instance.place, what, instance.process, instance.name)
        if instance.probe is None:
            what = f"readiness_probe port of {instance.process}"
            yield differs(instance.place, what, str(instance.port.number), "none")
    pairs += [(name, port, declared.probes.get(name)) for name, port in declared.commands.items()]
    for process, port, probe in pairs:
        if probe is not None and probe.number != port.number:
            what = f"readiness_probe port of {process}"
            yield differs(probe.place, what, str(port.number), str(probe.number))
    owners: dict[int, str] = {}
    listening = [(instance.process, instance.port) for instance in declared.instances]
    others = sorted(set(declared.probes) - {name for name, _ in listening})
    for process, port in listening + [(name, declared.port_of(name)) for name in others]:
        if port.number in owners:
            what, free = f"port of {process}", f"a port that {owners[port.number]} does not use"
            yield differs(port.place, what, free, str(port.number))
        owners.setdefault(port.number, process)


def _upstreams(declared: Declared, upstreams: dict[str, Upstream]) -> Iterator[Disagreement]:
    """api_<version> has exactly the instances of that version.

    Another upstream (a fallback, a canary pool) may mix versions, but has each of them whole. An
    old address that api_<version> has for an instance stands for the same one there.
    """
    versions = dict.fromkeys(instance.version for instance in declared.instances)
    known = {_address(instance): instance for instance in declared.instances}
    for version in versions:
        if f"api_{version}" not in upstreams:
            place = Place("nginx/upstreams.conf")
            what = f"upstream for the instances of {version}"
            yield differs(place, what, f"upstream api_{version} {{ ... }}", "none")
        else:
            wanted = [item for item in declared.instances if item.version == version]
            pairs, _, _ = _pairs(upstreams[f"api_{version}"], wanted, {})
            known |= {server.address: instance for server, instance in pairs}
    for name, upstream in upstreams.items():
        own = name.removeprefix("api_")
        if own in versions:
            mixed = {own}
        else:
            mixed = {known[s.address].version for s in upstream.servers if s.address in known}
        wanted = [item for item in declared.instances if item.version in mixed]
        yield from _servers(upstream, wanted, known)


def _pairs(
    upstream: Upstream, wanted: list[DeclaredInstance], known: dict[str, DeclaredInstance]
) -> tuple[list[tuple[Server, DeclaredInstance]], list[Server], list[DeclaredInstance]]:
    """Servers that should be an instance each, servers too many, and instances without one."""
    present = {server.address for server in upstream.servers}
    missing = [item for item in wanted if _address(item) not in present]
    addresses = {_address(item) for item in wanted}
    surplus = [item for item in upstream.servers if item.address not in addresses]
    pairs = [(s, known[s.address]) for s in surplus if known.get(s.address) in missing]
    surplus = [item for item in surplus if known.get(item.address) not in missing]
    paired = [instance for _, instance in pairs]
    missing = [item for item in missing if item not in paired]
    # As many missing as surplus: most likely one edited port each, so name the lines in pairs.
    both = min(len(surplus), len(missing))
    pairs += zip(surplus[:both], missing[:both], strict=True)
    return pairs, surplus[both:], missing[both:]


def _servers(
    upstream: Upstream, wanted: list[DeclaredInstance], known: dict[str, DeclaredInstance]
) -> Iterator[Disagreement]:
    what = f"server of upstream {upstream.name}"
    pairs, surplus, missing = _pairs(upstream, wanted, known)
    for server, instance in pairs:
        expected = f"{_address(instance)} ({instance.name})"
        yield differs(server.place, what, expected, server.address)
    for server in surplus:
        yield differs(server.place, what, "no such server", server.address)
    for instance in missing:
        yield differs(upstream.place, what, f"{_address(instance)} ({instance.name})", "none")
    for address, count in Counter(server.address for server in upstream.servers).items():
        if count > 1:
            last = [server for server in upstream.servers if server.address == address][-1]
            yield differs(last.place, what, f"{address} once", f"{count} times")


def _status_port(declared: Declared, nginx: tuple[Directive, ...]) -> Iterator[Disagreement]:
    probe = declared.port_of("nginx")
    what = f"port of the status server (the probe of nginx, {probe.place})"
    found = [nginx_files.status_listen(nginx)]
    # The one before it, too. (The gateway's own are in fragments.)
    found += [
        (port, item.place)
        for item in nginx_files.walk(nginx)
        if item.name == "listen"
        and item.args
        and item.args[0].startswith(f"{HOST}:")
        and (port := parse_port(item.args[0].rpartition(":")[2])) is not None
    ]
    found += [
        (int(match[1]), item.place)
        for item in nginx_files.walk(nginx)
        if item.name == "proxy_pass" and (match := _COPY_PASS.match(" ".join(item.args)))
    ]
    for port, place in found:
        if port != probe.number:
            yield differs(place, what, str(probe.number), str(port))


def _address(instance: DeclaredInstance) -> str:
    return f"{HOST}:{instance.port.number}"


def _instance_targets(
    declared: Declared, targets: tuple[scrape_targets.Target, ...]
) -> Iterator[Disagreement]:
    """Every instance is scraped once, under its own name and version."""
    by_name = {instance.name: instance for instance in declared.instances}
    seen: Counter[str] = Counter()
    for target in targets:
        if target.job != "services":
            continue
        name = target.labels.get("instance", "none")
        instance = by_name.get(name)
        if instance is None:
            wanted = f"one of {', '.join(by_name)}"
            place = target.place_of("instance")
            yield differs(place, f"label `instance` of {target.address}", wanted, name)
            continue
        seen[name] += 1
        if target.address != _address(instance):
            what = f"target of {name}"
            yield differs(target.place, what, _address(instance), target.address)
        version = target.labels.get("version", "none")
        if version != instance.version:
            what = f"label `version` of {name}"
            yield differs(target.place_of("version"), what, instance.version, version)
        if seen[name] > 1:
            what = f"target of {name}"
            yield differs(target.place, what, "one", f"{seen[name]}")
    for name, instance in by_name.items():
        if not seen[name]:
            place = Place(scrape_targets.FILE)
            yield differs(place, f"target of {name}", _address(instance), "none")


def _other_targets(
    declared: Declared, targets: tuple[scrape_targets.Target, ...]
) -> Iterator[Disagreement]:
    for job, process in (("gateway", "exporter"), ("prometheus", "prometheus")):
        port = declared.port_of(process)
        found = [target for target in targets if target.job == job]
        if not found:
            what = f"target of the job {job} ({process}, {port.place})"
            yield differs(Place(scrape_targets.FILE), what, f"{HOST}:{port.number}", "none")
        for target in found:
            if target.address not in (f"{HOST}:{port.number}", f"localhost:{port.number}"):
                what = f"target of the job {job} ({process}, {port.place})"
                yield differs(target.place, what, f"{HOST}:{port.number}", target.address)


def _grafana(root: Path, declared: Declared) -> Iterator[Disagreement]:
    """Grafana listens where it is probed, and reads from our Prometheus."""
    for pattern, spelling, process in _GRAFANA_PORTS:
        port = declared.port_of(process).number
        for path in sorted((root / "monitoring/grafana").glob(pattern)):
            file = path.relative_to(root).as_posix()
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                problem = f"cannot be read ({in_words(error)})"
                raise TopologyError(Place(file), problem, "restore the file") from None
            for match in spelling.finditer(text):
                if match[1] != str(port):
                    line = text.count("\n", 0, match.start(1)) + 1
                    yield differs(Place(file, line), f"port of {process}", str(port), match[1])


def _workload_path(root: Path, nginx: tuple[Directive, ...]) -> Iterator[Disagreement]:
    path = load_workload(root).path.partition("?")[0]
    locations = [item for item in nginx_files.walk(nginx) if item.name == "location"]
    proxied = [
        item
        for item in locations
        if len(item.args) == 2
        and item.args[0] == "="
        and not any(inside.name == "internal" for inside in item.walk())
        and any(
            inside.name == "proxy_pass" or inside.args == ("snippets/predict.conf",)
            for inside in item.walk()
        )
    ]
    sent = [
        (match[1], item.place)
        for item in nginx_files.walk(nginx)
        if item.name == "proxy_pass" and (match := _PREDICT_PASS.fullmatch(" ".join(item.args)))
    ]
    for found_path, place in sent:
        if found_path != path:
            what = "path of the workload (`path` of workload.yaml)"
            yield differs(place, what, path, found_path)
    if not any(item.args[1] == path for item in proxied):
        found = ", ".join(item.args[1] for item in proxied) or "none"
        place = proxied[0].place if proxied else Place("nginx/conf.d/servers.conf")
        what = "location of the workload (`path` of workload.yaml)"
        yield differs(place, what, f"location = {path}", found)
