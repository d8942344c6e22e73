"""Results as lines, JSON and JUnit, and the order in which checks are run."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from gateway.errors import Place
from gateway.exit_codes import ExitCode
from gateway.scrape_targets import Target
from probes.checks import observation, report
from probes.checks.finding import Check, Finding, Result
from probes.checks.registry import CHECKS, chosen, left_out, run, run_all
from probes.verdict import Verdict
from probes.workspace import Workspace, load_workspace

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "probes/checks.schema.json").read_text())


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return load_workspace(ROOT, {})


def check(body: Callable[[Workspace], Finding], name: str = "one") -> Check:
    return Check(name, "A title", body, lambda _: "curl x")


def finds(verdict: Verdict, evidence: str = "seen") -> Check:
    return check(lambda _: Finding(verdict, evidence))


def results(workspace: Workspace) -> list[Result]:
    return [run(finds(verdict), workspace) for verdict in Verdict]


def test_the_document_follows_its_schema(workspace: Workspace) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    document = report.document(results(workspace))
    jsonschema.validate(document, SCHEMA)
    assert [each["outcome"] for each in document["checks"]] == [v.value for v in Verdict]


def test_the_schema_knows_every_verdict() -> None:
    entry = SCHEMA["properties"]["checks"]["items"]["properties"]["outcome"]
    assert set(entry["enum"]) == {verdict.value for verdict in Verdict}


@pytest.mark.parametrize("key", ["id", "outcome", "evidence", "seconds", "command"])
def test_the_schema_insists_on_every_key(workspace: Workspace, key: str) -> None:
    document = report.document(results(workspace))
    del document["checks"][0][key]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Verdict.PASSED, ExitCode.PASS),
        (Verdict.NOT_MEASURED, ExitCode.PASS),
        (Verdict.FAILED, ExitCode.FAILED),
        (Verdict.ERROR, ExitCode.FAILED),
        (Verdict.INCONCLUSIVE, ExitCode.FAILED),
    ],
)
def test_one_bad_check_is_enough(workspace: Workspace, verdict: Verdict, code: ExitCode) -> None:
    found = [run(finds(each), workspace) for each in (Verdict.PASSED, verdict)]
    assert report.exit_code(found) is code


def test_junit_counts_and_names_everything(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    report.write_junit(results(workspace), path)
    suite = ElementTree.parse(path).getroot()  # noqa: S314 - our own
    assert suite.attrib | {"time": ""} == {
        "name": "switchyard",
        "tests": "5",
        "failures": "1",
        "errors": "2",
        "skipped": "1",
        "time": "",
    }
    kinds = [[child.tag for child in case] for case in suite]
    assert kinds == [["system-out"], ["failure"], ["error"], ["error"], ["skipped"]]


def test_a_line_shows_the_command_only_where_there_is_something_to_look_at(
    workspace: Workspace,
) -> None:
    shown = {each.finding.verdict: report.line(each) for each in results(workspace)}
    assert "seen" in shown[Verdict.PASSED]
    assert "curl x" not in shown[Verdict.PASSED]
    assert "curl x" in shown[Verdict.FAILED]
    assert len({line.split()[0] for line in shown.values()}) == len(Verdict)


def test_words_of_the_other_side_cannot_steer_the_terminal(workspace: Workspace) -> None:
    hostile = finds(Verdict.FAILED, "a\x1b[2Jb\nc\r\x9b")
    (result,) = run_all([hostile], workspace, 5.0)
    assert result.finding.evidence == "a [2Jb c  "
    jsonschema.validate(report.document([result]), SCHEMA)


def test_what_goes_wrong_on_the_way_is_an_error(workspace: Workspace) -> None:
    def broken(_: Workspace) -> Finding:
        raise ConnectionRefusedError(111, "Connection refused")

    def wrong(_: Workspace) -> Finding:
        raise KeyError("x")

    network, own = run_all([check(broken), check(wrong)], workspace, 5.0)
    assert network.finding.verdict is own.finding.verdict is Verdict.ERROR
    assert "refused" in network.finding.evidence
    assert "the check itself failed" in own.finding.evidence


def test_a_check_that_hangs_ends_with_the_time(workspace: Workspace) -> None:
    released = threading.Event()

    def hangs(_: Workspace) -> Finding:
        released.wait(30)
        return Finding(Verdict.PASSED, "too late")

    try:
        found = list(run_all([finds(Verdict.PASSED), check(hangs), check(hangs)], workspace, 0.2))
    finally:
        released.set()
    assert [each.finding.verdict for each in found] == [
        Verdict.PASSED,
        Verdict.ERROR,
        Verdict.NOT_MEASURED,
    ]
    assert "0.2 s" in found[1].finding.evidence


def test_ids_are_unique_and_choose_in_order() -> None:
    ids = [each.id for each in CHECKS]
    assert len(set(ids)) == len(ids)
    assert [each.id for each in chosen(["files", "processes"])] == ["processes", "files"]
    assert chosen([]) == CHECKS
    with pytest.raises(ValueError, match="no check 'x'; there are processes, files"):
        chosen(["x"])


def test_every_check_has_a_command_of_one_line(workspace: Workspace) -> None:
    for each in CHECKS:
        command = left_out(each, workspace, "").command
        assert command.isprintable()
        assert command == command.strip()


def target(name: str, port: int) -> Target:
    place = Place("monitoring/prometheus.yml", port)
    return Target("services", f"127.0.0.1:{port}", place, {"instance": name}, {})


@pytest.mark.parametrize(
    ("health", "without", "verdict", "said"),
    [
        ("up", [], Verdict.PASSED, "2 of 2 targets up"),
        ("down", [], Verdict.FAILED, "v1-2 is down (refused)"),
        ("down", ["127.0.0.1:8102"], Verdict.PASSED, "1 of 2 targets up; not offered by v1-2"),
        ("unknown", [], Verdict.FAILED, "v1-2 is unknown"),
        (None, [], Verdict.FAILED, "v1-2 is not known to Prometheus"),
    ],
)
def test_a_target_is_up_or_explained(
    health: str | None, without: list[str], verdict: Verdict, said: str
) -> None:
    expected = [target("v1-1", 8101), target("v1-2", 8102)]
    seen = {("services", "127.0.0.1:8101"): ("up", "")}
    if health is not None:
        seen["services", "127.0.0.1:8102"] = (health, "refused" if health == "down" else "")
    found = observation.judge(expected, seen, without)
    assert found.verdict is verdict
    assert said in found.evidence
