"""The lines of both logs, and everything that is fed with them."""

from __future__ import annotations

import json
from pathlib import Path

from dashboard.events import Hit
from dashboard.log_fields import log_fields
from dashboard.model import Model
from dashboard.summary import summary
from gateway import accesslog, shadow_log
from gateway.accesslog import BadLine
from gateway.gateway_metrics import RequestCounts
from gateway.shadow_metrics import ShadowCounts
from rollout.observe import Observer
from rollout.plan import Plan
from tests.fuzz.target import ROOT, Run, Target, check

INSTANCES = {"127.0.0.1:8101": "v1-1", "127.0.0.1:8201": "v2-1"}
VERSIONS = {"127.0.0.1:8101": "v1", "127.0.0.1:8201": "v2"}
MOST_SERIES = 50_000
SHADOW = {
    "time": "1732341234.123",
    "request_id": "5f9c7c1e2b3a4d5e6f708192a3b4c5d6",
    "status": "200",
    "instance": "v2-1",
    "upstream_addr": "127.0.0.1:8201",
    "upstream_response_time": "0.002",
    "prediction": "positive",
}


def access_log(_root: Path) -> Run:
    """Several lines at a time: parsed, counted, shown, and written again."""

    def run(data: bytes) -> None:
        counts, model = RequestCounts(INSTANCES), Model()
        observer = Observer(Plan(), 25, 0.0, 0.0, VERSIONS)
        last = 0.0
        for line in data.split(b"\n"):
            try:
                access = accesslog.parse(line)
            except BadLine:
                counts.fold((), 1)
                continue
            counts.fold([access])
            model.apply(Hit(access.time, access))
            observer.request(access)
            last = max(last, access.time)
            once = log_fields(access)
            again = accesslog.parse(json.dumps(once).encode())
            check(log_fields(again) == once, "a line is not what was written from it")
        RequestCounts.from_json(json.loads(json.dumps(counts.to_json())), INSTANCES)
        series = [sample for family in counts.families() for sample in family.samples]
        check(len(series) < MOST_SERIES, "a client can make up metric series")
        json.dumps(summary(model, 0.0, last), allow_nan=False, ensure_ascii=False).encode()
        observer.snapshot()

    return run


def shadow(_root: Path) -> Run:
    """The lines of the log of copies."""

    def run(data: bytes) -> None:
        counts = ShadowCounts(INSTANCES)
        observer = Observer(Plan(), 25, 0.0, 0.0, VERSIONS)
        for line in data.split(b"\n"):
            try:
                copy = shadow_log.parse(line)
            except BadLine:
                counts.fold((), 1)
                continue
            check(0 <= copy.time < accesslog.LATEST, "a time that is none")
            counts.fold([copy])
            observer.copy(copy)
        ShadowCounts.from_json(json.loads(json.dumps(counts.to_json())), INSTANCES)
        check(sum(1 for _ in counts.families()) == 2, "families")
        observer.snapshot()

    return run


def _access_seeds() -> list[bytes]:
    recording = (ROOT / "docs/demo.jsonl").read_bytes().splitlines()
    lines = [json.dumps(json.loads(line)["access"]) for line in recording if b'"hit"' in line]
    retried = {
        **json.loads(lines[0]),
        "cohort": "canary",
        "upstream_addr": "127.0.0.1:8201, 127.0.0.1:8101 : 127.0.0.1:8102",
        "upstream_status": "502, - : 200",
        "upstream_response_time": "0.001, - : 0.002",
    }
    picked = [*lines[:: len(lines) // 12], json.dumps(retried), "\n".join(lines[:5])]
    return [text.encode() for text in picked]


ACCESS_LOG = Target(access_log, _access_seeds, json=True)
SHADOW_LOG = Target(shadow, lambda: [json.dumps(SHADOW).encode()], json=True)
