"""A folder in which a rollout runs without a stack: logs as nginx would write them, a clock."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from gateway.canary import read_experiment
from gateway.cohort import bucket_of_user, in_canary
from gateway.topology import Instance, Topology
from rollout.candidate import Run, Sight
from rollout.mailbox import Answer, answer_to, post
from rollout.pilot import Pilot
from rollout.reading import ACCESS, SHADOW
from rollout.store import Store
from tests.gateway.access_lines import line, rotate

INSTANCES = (
    Instance("v1-1", "v1", 8101),
    Instance("v1-2", "v1", 8102),
    Instance("v2-1", "v2", 8201),
)
TOPOLOGY = Topology(INSTANCES, 8443, 8080, 8081, 9145, 9090, 3000)
DIGEST = "0123456789ab"
RUNS = {each.name: Run(100 + number, 0, 1.0) for number, each in enumerate(INSTANCES)}
SIGHT = Sight(healthy=True, digest=DIGEST, load=0.1, runs=RUNS)
POLICY = """\
shadow: {percent: 50, min_pairs: 20, min_time: 2s}
steps:
  - {weight: 25, min_users: 10, min_time: 3s}
  - {weight: 50, min_users: 10, min_time: 3s}
  - {weight: 100, min_users: 10, min_time: 3s}
warm_up: 2s
max_wait: 60s
no_data: 20s
"""
USERS = 60
BEGIN = 1_732_000_000.0


@dataclass
class Gateway:
    """Writes what nginx would have written, for the weight that it finds in the folder."""

    root: Path
    now: float = BEGIN
    v2_fails: bool = False
    number: int = 0
    buckets: list[int] = field(
        default_factory=lambda: [bucket_of_user(f"user-{number}") for number in range(USERS)]
    )

    def __post_init__(self) -> None:
        (self.root / "var/logs").mkdir(parents=True, exist_ok=True)

    def second(self, requests: int = 20) -> None:
        """One second goes by."""
        experiment = read_experiment(self.root)
        answers, copies = [], []
        for part in range(requests):
            self.number += 1
            user = self.number % USERS
            time = f"{self.now + (part + 1) / (requests + 1):.3f}"
            canary = in_canary(self.buckets[user], experiment.weight)
            said = {
                "time": time,
                "request_id": f"request-{self.number:08d}",
                "user_id": f"user-{user}",
                "request_time": f"{0.002 + self.number % 7 / 1000:.3f}",
            }
            if canary and self.v2_fails:
                said |= {
                    "cohort": "canary",
                    "upstream_addr": "127.0.0.1:8201, 127.0.0.1:8101",
                    "upstream_status": "502, 200",
                    "upstream_response_time": "0.001, 0.002",
                }
            elif canary:
                said |= {"cohort": "canary", "instance": "v2-1", "upstream_addr": "127.0.0.1:8201"}
            elif self.number % 100 < experiment.shadow:
                copies.append(
                    f'{{"time":"{time}","request_id":"{said["request_id"]}","status":"200",'
                    '"instance":"v2-1","upstream_addr":"127.0.0.1:8201",'
                    '"upstream_response_time":"0.002","prediction":"positive"}\n'
                )
            answers.append(line(**said) + b"\n")
        with (self.root / ACCESS).open("ab") as file:
            file.write(b"".join(answers))
        with (self.root / SHADOW).open("a") as file:
            file.write("".join(copies))
        self.now += 1

    def rotate(self) -> None:
        """As logrotate does it."""
        rotate(self.root / ACCESS)
        rotate(self.root / SHADOW)


@dataclass
class Steered:
    """A pilot in such a folder, second by second."""

    root: Path
    store: Store
    gateway: Gateway
    sight: Sight = SIGHT

    def __post_init__(self) -> None:
        self.pilot = Pilot(self.root, self.store, TOPOLOGY, lambda: self.sight)

    def seconds(self, count: int, requests: int = 20) -> None:
        """So many of them, with a look after each."""
        for _ in range(count):
            self.gateway.second(requests)
            self.pilot.look(self.gateway.now)

    def order(self, command: str, actor: str = "anna") -> Answer:
        """Ask the pilot, which looks at once."""
        name = post_at(self.root, command, actor, self.gateway.now)
        self.pilot.look(self.gateway.now)
        found = answer_to(self.root, name)
        assert found is not None
        return found

    def lose_sight(self) -> None:
        """The candidate does not answer any more."""
        self.sight = replace(self.sight, healthy=False, digest=None)


def post_at(root: Path, command: str, actor: str, now: float) -> str:
    """A command of that time, with the policy of these tests."""
    policy = root / "policy.yaml"
    policy.write_text(POLICY)
    return post(root, command, actor, str(policy), now)
