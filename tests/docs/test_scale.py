"""docs/scale.md, followed to the letter on two hosts; then what can happen between them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.capacity_model import Costs, Host, bottleneck, carried, stations
from gateway.agreement import agreement
from gateway.process_table import entries, folder
from scripts.stack import search_path, wait_until
from tests.docs.followed import BLOCK, Copy, copied, give_models
from tests.docs.two_hosts import ADDRESS_A, ADDRESS_B, ANOTHER, Hosts, two_hosts

PAGE = Path("docs/scale.md").read_text(encoding="utf-8")
RECIPE = PAGE.partition("## An upstream on another host")[2].partition("\n## ")[0]
LAST = "### Without host B again"
EDITED = {"process-compose.yaml", "nginx/upstreams.conf", "monitoring/prometheus.yml"}
RELAY = "http://127.0.0.1:8104"
ENTRY = f"https://{ADDRESS_B}:8443"
PATIENCE_S = 30.0
BACK_S = 8.0
"""How soon host B has to answer again: nginx asks after 2 s, and the machine may be busy."""
# What scp does, between two folders of one machine.
SCP = """#!/bin/sh
exec cp $(printf '%s\\n' "$@" | sed 's|^{address}:switchyard|{folder}|')
"""


@dataclass(frozen=True)
class Two:
    """The two hosts after the recipe."""

    a: Copy
    b: Copy
    hosts: Hosts

    def follow(self, part: str) -> None:
        """Type the commands of that part where their prompts say, and apply its edits on A."""
        for block in BLOCK.finditer(part):
            if block["kind"] == "diff":
                self.a.edit(block[0])
            elif block["kind"] == "console":
                for line in block["body"].splitlines():
                    host, _, command = line.partition("$ ")
                    {"a": self.a, "b": self.b}[host].type(command)

    def answers(self) -> list[dict[str, str]]:
        """The access log of the gateway."""
        text = (self.a.root / "var/logs/access.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.rpartition("\n")[0].splitlines()]

    def by_b(self) -> int:
        """Predictions that host B has answered so far."""
        return sum(answer["instance"].endswith("v1-4") for answer in self.answers())

    def wait_for_b(self, within_s: float = PATIENCE_S) -> None:
        """Until host B has answered three more."""
        enough = self.by_b() + 3
        assert wait_until(lambda: self.by_b() >= enough, within_s), self.answers()[-5:]

    def wait_for(self, count: int) -> None:
        """Until anybody has answered so many more."""
        enough = len(self.answers()) + count
        assert wait_until(lambda: len(self.answers()) >= enough, PATIENCE_S)

    @contextmanager
    def under_load(self) -> Iterator[None]:
        """40 predictions a second meanwhile, of which none may fail."""
        before = len(self.answers())
        log = self.a.root / "var/logs/traffic.log"
        started = self.a.run("make traffic RATE=40 DURATION=600")
        assert started.returncode == 0, started.stderr
        try:
            self.wait_for_b()
            yield
        finally:
            stopped = self.a.run("make traffic STOP=1")
        assert stopped.returncode == 0, stopped.stderr
        sent = [line for line in log.read_text().splitlines() if line.startswith("{")][-1]
        counted = json.loads(sent)
        assert counted["errors"] == 0, counted
        assert set(counted["answered"]) == {"200"}, counted
        assert {answer["status"] for answer in self.answers()[before:]} == {"200"}

    def curl(self, *words: str, copy: Copy | None = None) -> tuple[int, str]:
        """Exit code of curl, and the status (or 000) that it got."""
        quoted = " ".join(f"'{word}'" for word in words)
        command = f"curl -s -o /dev/null -m 5 -w '%{{http_code}}' {quoted}"
        done = (copy or self.a).run(command)
        return done.returncode, done.stdout

    def restart_entry(self) -> None:
        """host-b.conf and its certificates, read anew."""
        done = self.b.run("process-compose process restart entry")
        assert done.returncode == 0, done.stderr
        assert wait_until(lambda: self.curl(ENTRY + "/")[0] not in (7, 28), PATIENCE_S)


@pytest.fixture(scope="module")
def two() -> Iterator[Two]:
    """Host A and host B, after the recipe. Stopped and removed whatever happens."""
    with ExitStack() as stack:
        hosts = stack.enter_context(two_hosts())
        if hosts is None:
            pytest.skip("two networks need root or unprivileged user namespaces")
        a_root, b_root = (stack.enter_context(copied(f"host-{name}")) for name in "ab")
        give_models(a_root)
        programs = a_root / "var/programs"
        programs.mkdir()
        (programs / "scp").write_text(SCP.format(address=ADDRESS_B, folder=b_root))
        (programs / "scp").chmod(0o755)
        # As in `make shell`.
        path_a, path_b = f"{programs}:{search_path(a_root)}", search_path(b_root)
        found = Two(
            Copy(a_root, hosts.enter_a, {"PATH": path_a}),
            Copy(b_root, hosts.enter_b, {"PATH": path_b}),
            hosts,
        )
        try:
            found.follow(RECIPE.partition(LAST)[0])
            yield found
        finally:
            found.a.run("make stop-project")
            found.b.run("process-compose down")


def test_every_command_of_the_page_works(two: Two) -> None:
    assert not two.a.failed, two.a.failed
    assert not two.b.failed, two.b.failed
    assert set(re.findall(r"10\.\d+\.\d+\.\d+", RECIPE)) <= {ADDRESS_A, ADDRESS_B}


def test_three_files_are_edited_and_all_agree(two: Two) -> None:
    assert set(two.a.edited) == EDITED
    assert agreement(two.a.root) == ()


def test_host_b_is_an_instance_like_any_other(two: Two) -> None:
    found = [answer for answer in two.answers() if answer["instance"] == "v1-4"]
    assert found
    assert {(each["upstream_addr"], each["status"]) for each in found} == {
        ("127.0.0.1:8104", "200")
    }
    assert {each["cohort"] for each in found} == {"v1"}
    counted = two.a.run("curl -s http://127.0.0.1:9145/metrics").stdout
    assert re.search(r'^gateway_requests_total\{.*upstream="v1-4"', counted, re.MULTILINE)

    def scraped() -> bool:
        query = "http://127.0.0.1:9090/api/v1/query?query=up%7Binstance=%22v1-4%22%7D"
        answer = json.loads(two.a.run(f"curl -s '{query}'").stdout)
        return [each["value"][1] for each in answer["data"]["result"]] == ["1"]

    assert wait_until(scraped, PATIENCE_S, 0.5)


def test_both_hosts_serve_the_same_model(two: Two) -> None:
    models = {
        json.loads(two.a.run(f"curl -s http://127.0.0.1:{port}/healthz").stdout)["model"]
        for port in (8101, 8104)
    }
    assert len(models) == 1


def certificate(name: str) -> tuple[str, ...]:
    """What makes curl show a certificate of host A's folder."""
    return ("--cert", f"other-host/certs/{name}.crt", "--key", f"other-host/certs/{name}.key")


def test_strangers_get_nothing_from_host_b(two: Two) -> None:
    trust = ("--cacert", "other-host/certs/ca.crt", "--connect-to", f"host-b:8443:{ADDRESS_B}:8443")
    ask = (*trust, "https://host-b:8443/healthz")
    assert two.curl(*certificate("gateway"), *ask) == (0, "200")
    assert two.curl(*ask)[1] == "000"
    assert two.curl(*certificate("host-b"), *ask)[1] == "000"
    assert two.curl(*certificate("gateway"), "--interface", ANOTHER, *ask)[1] == "000"
    assert two.curl(f"http://{ADDRESS_B}:8443/healthz")[1] == "000"
    # Nor is there another way in.
    assert two.curl(f"http://{ADDRESS_B}:8104/healthz")[0] == 7


def test_the_relay_answers_this_machine_only(two: Two) -> None:
    assert two.curl(RELAY + "/healthz") == (0, "200")
    assert two.curl("--header", "Host: evil.example", RELAY + "/healthz") == (0, "421")
    assert two.curl(f"http://{ADDRESS_A}:8104/healthz", copy=two.b)[0] == 7


def test_the_cable_is_cut_and_nobody_notices(two: Two) -> None:
    before = len(two.answers())
    with two.under_load():
        two.hosts.cut()
        cut = time.time()
        two.wait_for(200)
        late = [answer for answer in two.answers()[before:] if float(answer["time"]) > cut + 1]
        two.hosts.mend()
        two.wait_for_b(BACK_S)
    assert late
    assert not [answer for answer in late if answer["instance"].endswith("v1-4")]
    # Some were on their way: they were asked again elsewhere.
    again = [each for each in late if each["upstream_addr"].startswith("127.0.0.1:8104, ")]
    assert again
    assert {each["upstream_status"].partition(",")[0] for each in again} <= {"502", "504"}


def test_the_password_stays_on_host_a(two: Two) -> None:
    command = [sys.executable, "-m", "tests.docs.recorder", "8104"]
    with two.under_load():
        # The instance ends under load, too.
        assert two.b.run("process-compose process stop v1-4").returncode == 0
        with subprocess.Popen(
            [*two.hosts.enter_b, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as recorder:
            two.wait_for_b()
            asked = json.loads(recorder.communicate()[0])
        assert two.b.run("process-compose process start v1-4").returncode == 0
        two.wait_for_b()
    predictions = [each for each in asked if each[0] == "POST"]
    assert predictions
    assert all(re.match("traffic-", each[2]["x-request-id"]) for each in predictions)
    headers = json.dumps([each[2] for each in asked]).lower()
    assert "authorization" not in headers
    assert b64encode(b"admin:admin").decode().lower() not in headers
    assert "admin" not in headers


@pytest.mark.parametrize("whose", ["another CA", "another name"])
def test_a_host_that_is_not_host_b_is_not_believed(two: Two, whose: str) -> None:
    certs = two.b.root / "other-host/certs"
    own = {name: (certs / name).read_bytes() for name in ("host-b.crt", "host-b.key")}
    made = two.b.root / "var/another"
    if whose == "another CA":
        assert two.b.run(f"sh other-host/certificates.sh {made}").returncode == 0
        served = {name: (made / name).read_bytes() for name in own}
    else:
        ours = two.a.root / "other-host/certs"
        served = {
            f"host-b.{kind}": (ours / f"gateway.{kind}").read_bytes() for kind in ("crt", "key")
        }
    try:
        for name, content in served.items():
            (certs / name).write_bytes(content)
        with two.under_load():
            two.restart_entry()
            assert two.curl(RELAY + "/healthz") == (0, "502")
            before = two.by_b()
            two.wait_for(80)
            assert two.by_b() == before
    finally:
        for name, content in own.items():
            (certs / name).write_bytes(content)
        two.restart_entry()
    with two.under_load():
        two.wait_for_b()


def test_the_worked_example_is_what_the_model_says() -> None:
    costs = Costs(gateway=44.7e-6, service=86e-6, hop_out=25e-6, hop_in=25e-6)
    table = PAGE.partition("| hosts (cores:instances) |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]
    assert rows
    for names, rate, first, waiting in rows:
        hosts = [Host(*map(int, name.split(":"))) for name in names.split()]
        system = stations(costs, hosts)
        busiest, per_second = bottleneck(system), carried(system, 0.7)
        assert rate == f"{per_second:,.0f}"
        assert first == busiest.name
        assert waiting == f"{busiest.wait_quantile(per_second, 0.99) * 1e6:.0f}"


def test_everything_ends(two: Two) -> None:
    two.follow(RECIPE.partition(LAST)[2])
    assert not two.a.failed, two.a.failed
    assert not two.b.failed, two.b.failed
    folders = {two.a.root, two.b.root}

    def left() -> list[str]:
        return [entry.name for entry in entries().values() if folder(entry.pid) in folders]

    assert wait_until(lambda: not left(), PATIENCE_S), left()
