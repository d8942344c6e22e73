"""The commands of docs/access-log.md, run on a small log; jq finds what Python counts."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import Counter
from pathlib import Path

import jsonschema
import pytest

from scripts.stack import search_path
from tests.gateway.access_lines import NOT_PROXIED, line

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/access-log.md").read_text(encoding="utf-8")
COMMANDS = [command.removeprefix("$ ") for command in re.findall(r"^\$ .*$", PAGE, re.MULTILINE)]
REPORT = "var/report.html"
CANARY = {"cohort": "canary"}
FALLBACK = {
    **CANARY,
    "upstream_addr": "127.0.0.1:8201, 127.0.0.1:8101",
    "upstream_status": "502, 200",
    "upstream_response_time": "0.001, 0.002",
}
V2 = {"instance": "v2-1", "upstream_addr": "127.0.0.1:8201"}
LINES = [
    *(line(request_id=f"v1-{n}", time=f"{1732341234 + n}.125") for n in range(6)),
    *(line(request_id=f"v2-{n}", **CANARY, **V2) for n in range(3)),
    line(request_id="fallback", **FALLBACK),
    line(request_id="limited", **{**NOT_PROXIED, "status": "429"}),
]
PREDICTIONS = ("positive", "positive", "negative", "")


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A folder with both logs, as nginx writes them."""
    (tmp_path / "var/logs").mkdir(parents=True)
    (tmp_path / "var/logs/access.jsonl").write_bytes(b"".join(each + b"\n" for each in LINES))
    copies = [
        {
            "time": "1732341234.456",
            "request_id": f"v1-{n}",
            "status": "200" if prediction else "504",
            "instance": "v2-1" if prediction else "",
            "upstream_addr": "127.0.0.1:8201",
            "upstream_response_time": "0.004",
            "prediction": prediction,
        }
        for n, prediction in enumerate(PREDICTIONS)
    ]
    schema = json.loads((ROOT / "gateway/shadow-log.schema.json").read_text(encoding="utf-8"))
    for copy in copies:
        jsonschema.validate(copy, schema)
    text = "".join(json.dumps(copy, separators=(",", ":")) + "\n" for copy in copies)
    (tmp_path / "var/logs/shadow.jsonl").write_text(text, encoding="utf-8")
    return tmp_path


def run(command: str, folder: Path) -> str:
    """What `command` prints, typed in `folder` with the tools of this clone."""
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": search_path(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    missing = f"{done.stderr}\nscripts/bootstrap.sh jq goaccess brings what is not found"
    assert done.returncode == 0, missing
    return done.stdout


def output(folder: Path, word: str) -> list[str]:
    """What the one command with `word` prints."""
    (command,) = [each for each in COMMANDS if word in each]
    return [" ".join(each.split()) for each in run(command, folder).splitlines()]


def test_who_answered(logs: Path) -> None:
    records = [json.loads(each) for each in LINES]
    counted = Counter(f"{each['instance']} {each['status']}".strip() for each in records)
    expected = {f"{number} {what}" for what, number in counted.items()}
    assert set(output(logs, "[.instance, .status]")) == expected


def test_fallbacks_and_retries(logs: Path) -> None:
    assert output(logs, 'select(.cohort == "canary"') == [
        "fallback 127.0.0.1:8201, 127.0.0.1:8101 502, 200"
    ]
    assert output(logs, 'contains(", ")') == ["fallback"]


def test_both_answers_are_joined(logs: Path) -> None:
    assert output(logs, "group_by(.request_id)") == ["1 false", "2 true"]


def test_goaccess_reads_every_line(logs: Path) -> None:
    (command,) = [each for each in COMMANDS if each.startswith("goaccess ")]
    assert REPORT in command
    command = command.replace(REPORT, "var/report.json")
    run(command, logs)
    found = json.loads((logs / "var/report.json").read_text(encoding="utf-8"))
    assert found["general"]["valid_requests"] == len(LINES)
    assert found["general"]["failed_requests"] == 0
    hosts = {each["data"]: each["hits"]["count"] for each in found["vhosts"]["data"]}
    assert hosts == {"v1-1": 7, "v2-1": 3}


def test_every_command_is_tried_here() -> None:
    assert [each.split()[0] for each in COMMANDS] == ["jq", "jq", "jq", "jq", "goaccess"]


def test_the_cohorts_are_those_of_the_gateway() -> None:
    from gateway.cohort import Cohort

    table = PAGE.partition("| cohort |")[2].partition("\n\n")[0]
    assert {*re.findall(r"`([a-z0-9]+)`", table)} == {each.value for each in Cohort}
    schema = json.loads((ROOT / "gateway/access-log.schema.json").read_text(encoding="utf-8"))
    pattern = schema["properties"]["cohort"]["pattern"]
    assert all(re.fullmatch(pattern, cohort) for cohort in (*(c.value for c in Cohort), "", "-"))
