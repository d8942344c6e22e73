"""Whole runs of the training, on the tiny corpus."""

import csv
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from services.artefact import load
from services.training import session, workers
from services.training.cleaning import Row
from services.training.evaluation import EVALUATION, read_evaluations
from services.training.recipes import Recipe
from services.training.session import GateMissed, Options, run
from services.training.workers import Job, WorkerFailed
from tests.services.tiny_corpus import EASY, TinySource, library, material, recipe, silent

ROOT = Path(__file__).parents[2]
V1, V2 = recipe("words", "v1"), recipe("tweets", "v2")


def options(folder: Path, **changes: object) -> Options:
    wanted = Options(
        recipes=(V1, V2),
        if_needed=True,
        cross_validate=False,
        models_dir=folder / "models",
        held_out=folder / "data" / "held-out.csv",
        library=library(folder),
        every_gate=False,
        source=TinySource(),
        gates={"v1": EASY, "v2": EASY},
    )
    return replace(wanted, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder after the first start."""
    folder = tmp_path_factory.mktemp("first")
    run(options(folder))
    return folder


def test_the_first_start_publishes_both_models(first: Path) -> None:
    for version in ("v1", "v2"):
        artefact = load(first / "models" / version)
        assert artefact.version == version
        assert artefact.scorer.score("the film was great").label == "positive"
        card = (first / "models" / version / "MODEL.md").read_text()
        assert artefact.digest in card
        assert "| held-out tenth |" in card
    names = {path.name for path in (first / "models").iterdir()}
    assert names == {"v1", "v2", EVALUATION, ".lock"}


def test_held_out_texts_are_written_and_not_trained_on(first: Path) -> None:
    with (first / "data" / "held-out.csv").open(newline="") as file:
        held_out = list(csv.DictReader(file))
    manifest = load(first / "models" / "v1").manifest
    assert set(held_out[0]) == {"sentence", "label"}
    assert len(held_out) == manifest["data"]["held_out"]["rows"] > 0
    assert manifest["data"]["train"]["rows"] == 72 - len(held_out)


def test_the_second_start_reads_no_data_and_trains_nothing(
    first: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(session, "run_workers", _never)
    source = TinySource()
    before = {path: path.stat().st_mtime_ns for path in first.rglob("*") if path.is_file()}
    run(options(first, source=source))
    assert source.reads == 0
    after = {path: path.stat().st_mtime_ns for path in first.rglob("*") if path.is_file()}
    assert {p: t for p, t in after.items() if p.name != ".lock"} == {
        p: t for p, t in before.items() if p.name != ".lock"
    }
    assert "v1 " in capsys.readouterr().err


def _never(*arguments: object) -> None:
    raise AssertionError("nothing was to be trained")


def test_a_lost_held_out_file_is_written_again_without_training(
    first: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "run_workers", _never)
    path = first / "data" / "held-out.csv"
    content = path.read_bytes()
    path.unlink()
    run(options(first))
    assert path.read_bytes() == content


def test_the_same_data_gives_the_same_bytes(first: Path, tmp_path: Path) -> None:
    run(options(tmp_path))
    for path in (first / "models").rglob("v?/*"):
        assert (tmp_path / path.relative_to(first)).read_bytes() == path.read_bytes(), path.name


def test_one_version_can_be_trained_alone(tmp_path: Path) -> None:
    run(options(tmp_path, recipes=(V1,)))
    assert (tmp_path / "models" / "v1").is_dir()
    assert not (tmp_path / "models" / "v2").exists()


def test_a_missed_gate_keeps_the_model_that_is_there(first: Path) -> None:
    present = load(first / "models" / "v1").digest
    strict = {"v1": EASY, "v2": replace(EASY, held_out_macro_f1=1.1)}
    with pytest.raises(GateMissed, match=r"v2: held-out macro-F1 is .*, must be >= 1\.1"):
        run(options(first, if_needed=False, gates=strict))
    assert load(first / "models" / "v1").digest == present


UCI = [Row("great film", "positive", "yelp"), Row("awful soup", "negative", "yelp")]


@pytest.fixture
def uci(monkeypatch: pytest.MonkeyPatch) -> None:
    """The UCI set is here, and consists of two sentences."""
    monkeypatch.setattr("services.training.archives.Library.present", lambda *_: Path("here"))
    monkeypatch.setattr(session, "read_uci_rows", lambda path: UCI)
    # Of two sentences v2 cannot be right more often than v1 by a hundredth.
    monkeypatch.setattr("services.training.evaluation.UCI_GAIN", -1.0)


@pytest.mark.usefixtures("uci")
def test_cross_validation_is_kept_for_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(options(tmp_path, cross_validate=True))
    kept = read_evaluations(tmp_path / "models")
    for version in ("v1", "v2"):
        figures = kept[version].cross_validation
        assert figures
        assert 0.1 < figures["macro_f1"] <= 1
        assert kept[version].uci == pytest.approx(
            {"sentences": 2, "accuracy": 1.0, "brier": 0.1, "calibration_error": 0.3}, abs=0.3
        )
        assert "cross-validation" in (tmp_path / "models" / version / "MODEL.md").read_text()
    monkeypatch.setattr(session, "run_workers", _never)
    run(options(tmp_path, cross_validate=True))
    assert read_evaluations(tmp_path / "models") == kept


@pytest.mark.usefixtures("uci")
def test_kept_figures_are_judged_again(tmp_path: Path) -> None:
    run(options(tmp_path, cross_validate=True, recipes=(V1,)))
    for change, message in (
        ({"cv_macro_f1": 1.1}, "cross-validated macro-F1"),
        ({"cv_calibration_error": -1.0}, "cross-validated calibration error"),
        ({"uci_accuracy": 1.1}, "UCI accuracy"),
        ({"uci_brier": -1.0}, "UCI Brier score"),
        ({"uci_calibration_error": -1.0}, "UCI calibration error"),
    ):
        gates = {"v1": replace(EASY, **change)}
        with pytest.raises(GateMissed, match=f"v1: {message}"):
            run(options(tmp_path, cross_validate=True, recipes=(V1,), gates=gates))


@pytest.mark.usefixtures("uci")
def test_v2_must_be_better(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.training.evaluation.UCI_GAIN", 0.5)
    with pytest.raises(GateMissed, match="v2: UCI accuracy over v1"):
        run(options(first, if_needed=False))


def test_a_uci_set_that_is_not_to_be_had_is_said_or_fails(
    first: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(options(first, cross_validate=True))
    lines = [line for line in capsys.readouterr().err.splitlines() if "NOT MEASURED" in line]
    assert len(lines) == 1
    assert "sentiment-5.0.2.tgz" in lines[0]
    with pytest.raises(GateMissed, match="the UCI gate could not be run"):
        run(options(first, cross_validate=True, every_gate=True))


# ---- workers -------------------------------------------------------------------


def test_a_worker_that_fails_gives_its_reason(tmp_path: Path) -> None:
    broken = replace(V1, max_iter=1)
    with pytest.raises(WorkerFailed, match="NotConverged"):
        workers.run([Job(broken, tmp_path / "v1", False)], material())


def _killed(recipe: Recipe, *arguments: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_work", _killed)
    with pytest.raises(WorkerFailed, match="v1: the training process was killed"):
        workers.run([Job(V1, tmp_path / "v1", False)], material())


class Stuck(dict[str, float]):
    """A lexicon at which a worker gets stuck, as soon as it is handed over."""

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return _get_stuck, ()


def _get_stuck() -> None:
    sys.stderr.write("stuck\n")
    sys.stderr.flush()
    signal.pause()


_INTERRUPTIBLE = """
import sys
import threading
from dataclasses import replace
from services.training.workers import Job, run
from tests.services.test_session import V1, V2, Stuck
from tests.services.tiny_corpus import material
try:
    run([Job(V1, None, True), Job(V2, None, True)], replace(material(), lexicon=Stuck()))
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_an_interrupt_ends_the_workers_quietly() -> None:
    command = [sys.executable, "-c", _INTERRUPTIBLE]
    with subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr
        given_up = threading.Timer(30, os.killpg, (process.pid, signal.SIGKILL))
        given_up.start()
        assert [process.stderr.readline() for _ in range(2)] == ["stuck\n", "stuck\n"]
        os.killpg(process.pid, signal.SIGINT)  # what a terminal does on Ctrl-C
        rest = process.stderr.read()  # ends when the last worker has
        given_up.cancel()
    assert (process.wait(), rest) == (130, "")


def test_progress_shows_the_seconds_of_each_step(capsys: pytest.CaptureFixture[str]) -> None:
    say: Callable[[str], None] = workers.progress("v1")
    say("fitted")
    assert capsys.readouterr().err == "v1: fitted (0.0 s)\n"
    silent("nothing")
