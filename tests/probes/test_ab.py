"""The A/B command, its plan and its reports, without a stack."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest

from gateway.certificates import ensure_certificate
from gateway.errors import ConfigurationError
from gateway.exit_codes import ExitCode
from gateway.settings import load_settings
from gateway.visible import visible
from probes import ab
from probes.ab_client import AB_SOURCES, Allowance, AskingClient
from probes.ab_report import Run, document, lines, markdown
from probes.ab_run import GROUPS, plan, run
from probes.addresses import BURST_SOURCES, CHECK_SOURCES, DRILL_SOURCES
from probes.client import NoAnswer
from probes.sources import PER_SOURCE, TRAFFIC_SOURCES
from tests.probes.ab_standin import ROOT, WORKLOAD, FakeClient, allowance, measured, texts

SCHEMA = json.loads((ROOT / "probes/ab.schema.json").read_text())


def checked(run: Run) -> dict[str, Any]:
    """The document, as a machine reads it."""
    read: dict[str, Any] = json.loads(json.dumps(document(run), allow_nan=False))
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(read, SCHEMA)
    return read


def test_the_plan_draws_rows_once_and_the_same_for_the_same_seed() -> None:
    corpus = texts(50)
    chosen = plan(corpus, 20, seed=4)
    assert len(set(chosen.texts)) == 20
    assert chosen == plan(corpus, 20, seed=4)
    assert chosen.texts != plan(corpus, 20, seed=5).texts
    assert set(plan(corpus, 1000, seed=4).texts) == set(corpus)
    with pytest.raises(ConfigurationError, match="--pairs 0: not above 0"):
        plan(corpus, 0, seed=4)


def test_the_order_within_a_pair_is_random_and_all_of_it_comes_from_one_address() -> None:
    client = FakeClient()
    chosen = plan(texts(600), 600, seed=1)
    pairs = list(run(client, WORKLOAD, chosen, allowance()))
    assert [pair.number for pair in pairs] == list(range(600))
    orders: Counter[str] = Counter()
    for place in range(0, len(client.asked), 3):
        three = client.asked[place : place + 3]
        assert len({(source, text) for source, _, text in three}) == 1
        orders["".join(group[0] for _, group, _ in three)] += 1
    # control, debug, control: v2 is first, second or last in a third of the pairs each.
    assert set(orders) == {"dcc", "cdc", "ccd"}
    assert all(150 < count < 250 for count in orders.values())
    assert GROUPS == ("control", "debug")


def test_no_address_sends_more_than_its_allowance() -> None:
    now = 0.0
    sent = defaultdict[str, list[float]](list)

    def sleep(seconds: float) -> None:
        nonlocal now
        assert seconds > 0
        now += seconds

    paced = Allowance(["a", "b", "c"], lambda: now, sleep)
    for _ in range(100):
        source = paced.next_source(3)
        sent[source] += [now] * 3
        now += 0.01
    assert {len(times) for times in sent.values()} == {99, 102}
    for times in sent.values():
        for first, ninth in zip(times, times[PER_SOURCE:], strict=False):
            assert ninth - first > 0.99
    # And hardly slower: whole pairs, so twice three requests a second from each address.
    assert now == pytest.approx(300 / (3 * 6), rel=0.1)


def test_addresses_are_nobody_elses() -> None:
    others = {*TRAFFIC_SOURCES, *CHECK_SOURCES, *BURST_SOURCES, *DRILL_SOURCES}
    assert not others & set(AB_SOURCES)
    assert len(AB_SOURCES) == 63


def test_the_document_fits_its_schema_however_the_run_went() -> None:
    full = checked(measured())
    assert full["outcome"] == "inconclusive"
    assert full["pairs"] == {"planned": 200, "asked": 200, "compared": 200}
    assert full["comparison"]["agreement"]["estimate"] == 1
    assert full["versions"][1]["instances"] == {"v2-1": 200}
    assert full["quality"]["labelled"] == 200
    assert checked(measured(labelled=False))["quality"] is None
    assert checked(measured(count=1))["comparison"]["ratio"]["high"] is None

    def dead(version: str, text: str, fields: dict[str, Any]) -> None:
        fields |= {"status": 503, "instance": "", "body": None}

    nothing = checked(measured(dead, stopped="gone"))
    assert nothing["outcome"] == "error"
    assert nothing["comparison"]["agreement"] is nothing["comparison"]["ratio"] is None


def test_long_runs_are_cut_and_say_so() -> None:
    def numbers(version: str, text: str, fields: dict[str, Any]) -> None:
        fields["body"]["prediction"] = [len(version), text] if version == "v2" else text

    run = measured(numbers)
    found = checked(run)
    assert len(found["comparison"]["matrix"]) == 100
    assert found["comparison"]["cells_left_out"] == 100
    assert len(found["disagreements"]) == 100
    assert found["disagreements_left_out"] == 100
    assert "100 more." in markdown(run)


def test_texts_cannot_steer_a_terminal_or_a_table() -> None:
    evil = "\x1b[2J\x9b1m\u202e|<b>\n`x`\ud800"

    def spoilt(version: str, text: str, fields: dict[str, Any]) -> None:
        if version == "v2":
            fields["body"]["prediction"] = evil

    run = measured(spoilt, count=10)
    run.tally.disagreements[0] = type(run.tally.disagreements[0])(evil, evil, evil, evil)
    assert all(line.isprintable() for line in lines(run))
    report = markdown(run)
    assert report.replace("\n", "").isprintable()
    assert r"\\x1b\[2J\\x9b1m\\u202e\|\<b\>\\n\`x\`" in report
    report.encode()  # a lone surrogate would make writing it fail
    rows = [line for line in report.splitlines() if line.startswith("| ")]
    assert all(line.endswith(" |") for line in rows)
    assert visible("Grüße, 你好") == "Grüße, 你好"
    # JSON escapes by itself.
    assert json.dumps(document(run)).isprintable()


def test_the_reports_say_the_same() -> None:
    run = measured()
    overall = run.judgements.overall
    assert lines(run)[-1] == f"Inconclusive: {overall.reason}"
    report = markdown(run)
    assert "# A/B: v1 against v2" in report
    assert f"**Inconclusive**: {overall.reason}" in report
    assert "| good | good | 100 |" in report
    assert "kappa 1.000" in report


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all that the command reads, as the working directory."""
    for name in (".env", "workload.yaml", "process-compose.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    ignored = shutil.ignore_patterns("certs")
    shutil.copytree(ROOT / "nginx", tmp_path / "nginx", ignore=ignored)
    shutil.copytree(ROOT / "monitoring", tmp_path / "monitoring")
    (tmp_path / "var/data").mkdir(parents=True)
    rows = "".join(f'{row.text},"{row.label}"\n' for row in texts(60))
    (tmp_path / "var/data/held-out.csv").write_text("sentence,label\n" + rows)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def client(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    fake = FakeClient()
    monkeypatch.setattr(ab, "open_client", lambda *_: cast(AskingClient, fake))
    monkeypatch.setattr(ab, "open_allowance", lambda _: allowance())
    return fake


def test_json_is_alone_on_stdout(
    client: FakeClient, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = ab.main(["--pairs", "30", "--seed", "9", "--json", "--report", "report.md"])
    assert code == ExitCode.PASS
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMA)
    assert (found["seed"], found["corpus"], found["pairs"]["asked"]) == (9, 60, 30)
    assert "30 pairs of 30" in (workspace / "report.md").read_text()
    # It holds texts of the corpus.
    assert (workspace / "report.md").stat().st_mode & 0o777 == 0o600
    assert len(client.asked) == 90
    assert client.closed


def test_a_report_named_json_is_the_document(
    client: FakeClient, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ab.main(["--pairs=5", "--json", "--report=report.json"]) == ExitCode.PASS
    assert (workspace / "report.json").read_text() == capsys.readouterr().out


def test_without_json_people_can_read_it(
    client: FakeClient, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ab.main(["--pairs=100"]) == ExitCode.PASS
    said = capsys.readouterr()
    assert "Inconclusive: no difference shown" in said.out
    assert "ab: the corpus has 60 rows, so that many pairs" in said.err
    assert ab.main(["--strict"]) == ExitCode.FAILED


def test_a_no_is_exit_code_1(client: FakeClient) -> None:
    def wrong(version: str, text: str, fields: dict[str, Any]) -> None:
        if version == "v2":
            fields["body"]["prediction"] = "ugly"

    client.change = wrong
    assert ab.main(["--pairs=60"]) == ExitCode.FAILED


@pytest.mark.parametrize("after", [0, 10])
@pytest.mark.parametrize(
    ("error", "code"),
    [(NoAnswer("refused"), ExitCode.UNREACHABLE), (KeyboardInterrupt(), ExitCode.INTERRUPTED)],
)
def test_a_run_that_ends_early_reports_what_it_has(
    client: FakeClient,
    capsys: pytest.CaptureFixture[str],
    after: int,
    error: BaseException,
    code: ExitCode,
) -> None:
    def stop(version: str, text: str, fields: dict[str, Any]) -> None:
        if len(client.asked) > 3 * after:
            raise error

    client.change = stop
    assert ab.main(["--json"]) == code
    said = capsys.readouterr()
    assert client.closed
    if after == 0:
        assert said.out == ""
        assert "ab: " in said.err
        return
    found = json.loads(said.out)
    jsonschema.validate(found, SCHEMA)
    assert found["pairs"]["asked"] == after
    assert found["interrupted"] is (code is ExitCode.INTERRUPTED)
    assert (found["outcome"] == "error") is (code is ExitCode.UNREACHABLE)


def test_bad_values_are_named(
    client: FakeClient, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*arguments: str) -> str:
        assert ab.main(arguments) == ExitCode.USAGE
        return capsys.readouterr().err

    assert "--margin 0: not above 0" in refused("--margin=0")
    assert "--pairs -1: not above 0" in refused("--pairs=-1")
    assert "missing/r.md: cannot be written" in refused("--pairs=3", "--report=missing/r.md")
    (workspace / "var/data/held-out.csv").unlink()
    assert "make gen-model" in refused()


def test_without_a_stack_it_says_how_to_start_one(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("GATEWAY_HTTPS_PORT", str(taken.getsockname()[1]))
    assert ab.main(["--pairs=3"]) == ExitCode.USAGE  # no certificate yet
    assert "nginx/certs/nginx.crt" in capsys.readouterr().err
    (workspace / "nginx/certs").mkdir()
    (workspace / "var/run").mkdir()
    ensure_certificate(workspace, load_settings(workspace, {}), 1_800_000_000)
    assert ab.main(["--pairs=3"]) == ExitCode.UNREACHABLE
    said = capsys.readouterr().err
    assert said.endswith(": is the workspace running? make start-project\n")
    assert "\\n" not in said  # a line end that was made visible
    assert "Errno" not in said


def test_a_reader_who_leaves_is_no_failure(
    client: FakeClient, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert ab.main(["--pairs=3"]) == ExitCode.INTERRUPTED
    assert "Traceback" not in capfd.readouterr().err


def test_texts_without_labels_in_the_file(
    client: FakeClient, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workload = (workspace / "workload.yaml").read_text()
    (workspace / "workload.yaml").write_text(workload.replace("  label: label\n", ""))
    assert ab.main(["--json"]) == ExitCode.PASS
    found = json.loads(capsys.readouterr().out)
    assert found["judgements"]["quality"]["outcome"] == found["outcome"] == "not measured"
