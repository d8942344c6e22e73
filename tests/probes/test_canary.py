"""`canary`: what it shows, changes, refuses and warns of; it is only files."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from time import time
from typing import Any

import jsonschema
import pytest

from gateway import drained, fragments
from gateway.canary import ACTIVE, Experiment, read_experiment, write_experiment
from gateway.cohort import USER_ID, bucket_of_user
from gateway.exit_codes import ExitCode
from gateway.settings import load_settings
from gateway.topology import Instance, Topology, load_topology
from probes import canary
from probes.canary_change import COMMAND, Changed, Wanted, changed, warnings, way_back
from tests.gateway.access_lines import line
from tests.gateway.test_shadow_log import TYPICAL

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "probes/canary.schema.json").read_text(encoding="utf-8"))
TOPOLOGY = load_topology(ROOT, load_settings(ROOT, {}))
Said = pytest.CaptureFixture[str]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files alone; nothing runs."""
    shutil.copytree(ROOT / "nginx", tmp_path / "nginx", ignore=shutil.ignore_patterns("certs"))
    for name in (".env", "process-compose.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(canary, "_gateway_runs", lambda topology: False)
    return tmp_path


def shown(said: Said, *words: str) -> Any:
    """The document that a command prints; it is as the schema says."""
    assert canary.main([*words, "--json"]) == ExitCode.PASS
    document = json.loads(said.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    return document


def refused(said: Said, *words: str) -> str:
    """Why a command is refused."""
    with suppress(SystemExit):  # of argparse
        assert canary.main(words) == ExitCode.USAGE
    printed = said.readouterr()
    assert printed.out == ""
    return printed.err


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_what_is_tried_and_what_it_has_come_to(root: Path, capsys: Said) -> None:
    write_experiment(root, Experiment(weight=10, shadow=20, drained="v1-3"))
    now = time()
    logs = root / "var/logs"
    logs.mkdir(parents=True)
    canary_line = {"cohort": "canary", "upstream_addr": "127.0.0.1:8201", "instance": "v2-1"}
    fallback = {
        "upstream_addr": "127.0.0.1:8201, 127.0.0.1:8101",
        "upstream_status": "502, 200",
        "upstream_response_time": "0.001, 0.002",
        "instance": "v1-1",
    }
    nobody = {"upstream_addr": "api_v2_canary", "upstream_status": "502", "status": "503"}
    lines = [
        line(time=f"{now - 400:.3f}", **canary_line),
        line(time=f"{now - 200:.3f}", **canary_line),
        line(time=f"{now - 20:.3f}", **canary_line),
        line(time=f"{now - 20:.3f}", **{**canary_line, **fallback}),
        line(time=f"{now - 19:.3f}", **{**canary_line, **nobody}),
        *(line(time=f"{now - 9:.3f}", request_id=f"r-{n}") for n in range(5)),
    ]
    # Before the last five minutes, while its copy is one of them.
    lines.insert(1, line(time=f"{now - 304:.3f}", request_id="early"))
    (logs / "access.jsonl").write_bytes(b"".join(each + b"\n" for each in lines))
    changes: tuple[dict[str, str], ...] = (
        {},
        {},
        {"prediction": "negative"},
        {"status": "504", "prediction": ""},
    )
    copies = [
        json.dumps({**TYPICAL, "time": f"{now - 8:.3f}", "request_id": f"r-{n}", **change})
        for n, change in enumerate(changes)
    ]
    copies.insert(0, json.dumps({**TYPICAL, "time": f"{now - 290:.3f}", "request_id": "early"}))
    (logs / "shadow.jsonl").write_text(
        "".join(f"{each}\n" for each in copies).replace('": "', '":"')
    )
    found = shown(capsys)
    assert found["experiment"] == {"weight": 10, "shadow": 20, "drained": "v1-3"}
    assert abs(found["since"] - now) < 60
    assert found["canary"] == {"requests": 4, "by_canary": 2, "fallbacks": 1, "failed": 1}
    assert found["shadow"] == {
        "copies": 5, "pairs": 4, "same": 3, "agreement": 3 / 4, "failed": 1, "silent": 0,
    }  # fmt: skip
    assert canary.main([]) == ExitCode.PASS
    printed = capsys.readouterr()
    assert "10 % of users to v2 (buckets 00 to 09)" in printed.out
    assert "4 requests, 2 answered by v2, 1 by v1 in its stead, 1 failed" in printed.out
    assert "5 copies, 4 compared, 75.0 % agree, 1 failed" in printed.out
    assert "drained  v1-3" in printed.out
    assert "the gateway does not run" in printed.err


def test_where_nothing_is_tried(root: Path, capsys: Said) -> None:
    found = shown(capsys)
    assert found["since"] is None
    assert found["shadow"]["agreement"] is None
    assert canary.main([]) == ExitCode.PASS
    assert capsys.readouterr().out == "canary   off\nshadow   off\ndrained  nothing\n"


def test_a_change_is_one_and_says_how_to_go_back(root: Path, capsys: Said) -> None:
    assert canary.main(["10", "--shadow", "5", "--drain", "v1-2"]) == ExitCode.PASS
    printed = capsys.readouterr()
    assert read_experiment(root) == Experiment(10, 5, "v1-2")
    assert "canary   off -> 10 % of users to v2 (buckets 00 to 09)\n" in printed.out
    assert "shadow   off -> 5 % of requests to v1 copied to v2\n" in printed.out
    assert "drained  nothing -> v1-2\n" in printed.out
    assert printed.out.endswith(f"back     {COMMAND} 0 --shadow 0 --undrain v1-2\n")
    assert "takes effect when the gateway starts" in printed.err
    changed = shown(capsys, "25")
    assert changed == {
        "before": asdict(Experiment(10, 5, "v1-2")),
        "experiment": asdict(Experiment(25, 5, "v1-2")),
    }
    assert canary.main(["25"]) == ExitCode.PASS
    printed = capsys.readouterr()
    assert "nothing to change" in printed.err
    assert "back" not in printed.out


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (Experiment(25, 5, "v1-2"), ["50"]),
        (Experiment(25, 5, "v1-2"), ["off"]),
        (Experiment(0, 0, "v1-2"), ["--undrain", "v1-2"]),
        (Experiment(0, 0, "v1-2"), ["--undrain", "v1-2", "--drain", "v1-3"]),
        (Experiment(1), ["0", "--shadow", "100", "--drain", "v2-1"]),
    ],
)
def test_the_way_back_leads_back(
    root: Path, capsys: Said, before: Experiment, words: list[str]
) -> None:
    write_experiment(root, before)
    assert canary.main(words) == ExitCode.PASS
    assert read_experiment(root) != before
    back = capsys.readouterr().out.splitlines()[-1].partition(COMMAND)[2].split()
    assert canary.main(back) == ExitCode.PASS
    assert read_experiment(root) == before


def test_the_kill_switch(root: Path, capsys: Said) -> None:
    write_experiment(root, Experiment(25, 5, "v1-2"))
    assert canary.main(["off"]) == ExitCode.PASS
    assert read_experiment(root) == Experiment(drained="v1-2")
    write_experiment(root, Experiment(25, 5, "v1-2"))
    (root / ACTIVE / "state.json").write_text("{")
    capsys.readouterr()
    assert "canary off` replaces it" in refused(capsys)
    assert "canary off` replaces it" in refused(capsys, "10")
    assert shown(capsys, "off") == {"before": None, "experiment": asdict(Experiment(0, 0, "v1-2"))}
    assert read_experiment(root) == Experiment(drained="v1-2")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["101"], "'101' is no percentage: give a whole number, 0 to 100"),
        (["2.5"], "'2.5' is no percentage"),
        (["-1"], "-1"),
        (["on"], "'on' is no percentage: give a whole number, 0 to 100, or `off`"),
        (["--shadow", "x"], "'x' is no percentage"),
        (["off", "--shadow", "5"], "`off` ends the shadow, too"),
        (["--drain", "v9"], "no instance 'v9': there are v1-1, v1-2, v1-3, v2-1"),
        (["--drain", "v1-1"], "v1-2 is drained, one at a time: first `python -m dashboard canary"),
        (["--undrain", "v1-1"], "v1-1 is not drained: v1-2 is"),
        (["--who", "a b"], "'a b' is no X-User-Id that the gateway takes: give 1 to 64"),
        (["--who", "a", "10"], "--who only asks"),
    ],
)
def test_what_is_refused_changes_nothing(
    root: Path, capsys: Said, words: list[str], reason: str
) -> None:
    before = Experiment(7, 0, "v1-2")
    write_experiment(root, before)
    assert reason in refused(capsys, *words)
    assert read_experiment(root) == before


def topology_of(*names: str) -> Topology:
    instances = tuple(Instance(name, name[:2], 1) for name in names)
    return Topology(instances, 1, 2, 3, 4, 5, 6)


def test_the_only_instance_of_v1_is_not_drained() -> None:
    with pytest.raises(ValueError, match="v1-1 is the only instance of v1"):
        changed(Experiment(), Wanted(drain="v1-1"), topology_of("v1-1", "v2-1"))
    two = topology_of("v1-1", "v1-2")
    assert changed(Experiment(), Wanted(drain="v1-1"), two) == Experiment(drained="v1-1")
    with pytest.raises(ValueError, match="declares 1 version, there is nothing to try"):
        changed(Experiment(), Wanted(weight=5), two)


@pytest.mark.parametrize(
    ("after", "silent", "words"),
    [
        (Experiment(5), ("v2-1",), "v2-1 does not answer: v1 answers the canary until it does"),
        (Experiment(0, 5), ("v2-1",), "v2-1 does not answer: no copy is answered until"),
        (Experiment(5, 0, "v2-1"), (), "v2-1 is drained: v1 answers the canary"),
        (Experiment(0, 0, "v2-1"), (), "only one of v2: who asks for it gets 503"),
        (Experiment(0, 0, "v1-1"), ("v1-2", "v1-3"), "of v1 only v1-1 answers; v1-2, v1-3 must"),
        (Experiment(5), (), ""),
        (Experiment(0, 0, "v1-1"), ("v1-2",), ""),
    ],
)
def test_what_will_not_do_what_was_hoped_for(
    after: Experiment, silent: tuple[str, ...], words: str
) -> None:
    found = warnings(Changed(Experiment(), after), TOPOLOGY, lambda each: each.name not in silent)
    assert words in "; ".join(found)
    assert bool(found) is bool(words)


def test_lowering_the_weight_needs_no_warning() -> None:
    change = Changed(Experiment(50), Experiment(10))
    assert warnings(change, TOPOLOGY, lambda each: False) == []
    assert way_back(change) == f"{COMMAND} 50"


def test_an_instance_that_does_not_answer_is_warned_of(
    root: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary, "_gateway_runs", lambda topology: True)
    text = (root / "process-compose.yaml").read_text()
    # Port 1: nobody listens there.
    (root / "process-compose.yaml").write_text(text.replace("8201", "1"))
    assert canary.main(["5"]) == ExitCode.PASS
    said = capsys.readouterr().err
    assert "in effect from the next request on" in said
    assert "warning: v2-1 does not answer" in said


def test_who_gets_what(root: Path, capsys: Said) -> None:
    bucket = bucket_of_user("u-4711")
    for weight, cohort, version in (
        (bucket, "v1", "v1"),
        (bucket + 1, "canary", "v2"),
    ):
        write_experiment(root, Experiment(weight=weight))
        asked = shown(capsys, "--who", "u-4711", "--who", "alice@example.com")["who"]
        assert asked[0] == {
            "user": "u-4711", "bucket": bucket, "cohort": cohort, "version": version,
            "canary_from": bucket + 1,
        }  # fmt: skip
        assert asked[1]["bucket"] == bucket_of_user("alice@example.com")
    write_experiment(root, Experiment(weight=100, drained="v2-1"))
    assert shown(capsys, "--who", "u-4711")["who"][0]["version"] == "v1"
    assert canary.main(["--who", "u-4711"]) == ExitCode.PASS
    assert f"bucket {bucket:02d}  cohort canary  answered by v1" in capsys.readouterr().out


def test_an_id_is_one_where_nginx_says_so() -> None:
    text = (ROOT / "nginx/conf.d/experiment.conf").read_text()
    (pattern,) = re.findall(r"map \$http_x_user_id .*?\"~\^(.*?)\$\"", text, re.DOTALL)
    assert pattern == USER_ID


def test_a_gateway_that_knows_none_of_this_is_told_of(root: Path, capsys: Said) -> None:
    (root / fragments.FOLDER).mkdir(parents=True)
    (root / fragments.LISTEN_HTTPS).touch()
    said = refused(capsys, "10")
    assert f"{drained.CHOICE}: is missing" in said
    assert "make start-project" in said
    (root / drained.CHOICE).write_text(drained.drained_choice(TOPOLOGY.instances[1:]))
    assert "does not know v1-1" in refused(capsys, "--drain", "v1-1")
    assert canary.main(["10", "--drain", "v1-2"]) == ExitCode.PASS
    assert read_experiment(root) == Experiment(10, 0, "v1-2")
