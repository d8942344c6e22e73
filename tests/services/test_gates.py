"""The real models on the real corpora: trained if need be, measured once, then cached."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pytest

from services.artefact import PIPELINE, Artefact, load
from services.gen_model import ExitCode, main
from services.scorer import FoldedScorer
from services.training.archives import UCI, Library
from services.training.cleaning import Row, overlap, text_digest, unique
from services.training.corpora import PublicSource, read_uci_rows
from services.training.evaluation import read_evaluations
from services.training.material import Material, held_out_csv, material_of
from services.training.probe_texts import ODD, PLAIN
from services.training.provenance import uci_overlap

pytestmark = pytest.mark.gates

ROOT = Path(__file__).parents[2]
MODELS, DATA = ROOT / "var" / "models", ROOT / "var" / "data"
VERSIONS = ("v1", "v2")
PARITY = 1e-9


@pytest.fixture(scope="module", autouse=True)
def _measured() -> None:
    """Train, cross-validate and measure whatever is not up to date; all gates must hold."""
    arguments = ["--if-needed", "--cv", "--models-dir", str(MODELS), "--data-dir", str(DATA)]
    assert main(arguments, os.environ) is ExitCode.PASS


@pytest.fixture(scope="module")
def library() -> Library:
    return Library(cache=DATA / "archives", environ=os.environ, tools=ROOT / ".tools" / "bin")


@pytest.fixture(scope="module")
def material(library: Library) -> Material:
    return material_of(PublicSource().read(library))


@pytest.fixture(scope="module")
def uci(library: Library) -> list[Row]:
    path = library.present(UCI)
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("the UCI set is not on this machine")
        pytest.skip("the UCI set is not on this machine: its gates were not run")
    return unique(read_uci_rows(path))


@pytest.fixture(params=VERSIONS)
def artefact(request: pytest.FixtureRequest) -> Artefact:
    return load(MODELS / str(request.param))


def test_the_cross_validation_is_kept() -> None:
    kept = read_evaluations(MODELS)
    for version in VERSIONS:
        assert kept[version].cross_validation
        assert kept[version].model == load(MODELS / version).digest


def test_nothing_is_measured_on_what_was_trained_on(material: Material, uci: list[Row]) -> None:
    split = material.split
    assert not overlap(split.train, split.held_out)
    assert not overlap((*split.train, *split.held_out), uci)


def test_the_listed_overlap_is_the_real_one(library: Library, uci: list[Row]) -> None:
    assert overlap(PublicSource().read(library).rows, uci) == uci_overlap()


def test_the_size_of_the_data(material: Material, artefact: Artefact) -> None:
    split, data = material.split, artefact.manifest["data"]
    assert len(split.train) + len(split.held_out) == 60_437
    assert data["train"]["rows"] == len(split.train)
    assert data["held_out"]["rows"] == len(split.held_out)


def test_the_held_out_file_is_that_of_the_models(material: Material) -> None:
    written = (DATA / "held-out.csv").read_bytes().decode()
    assert written == held_out_csv(material.split.held_out)


def test_what_is_served_equals_the_pipeline(
    artefact: Artefact, material: Material, uci: list[Row]
) -> None:
    pipeline = joblib.load(MODELS / artefact.version / PIPELINE)
    texts = [row.text for row in (*material.split.held_out, *uci)] + [*PLAIN, *ODD]
    expected = pipeline.predict_proba(texts)
    scores = [artefact.scorer.score(text) for text in texts]
    assert np.abs(np.array([score.probabilities for score in scores]) - expected).max() <= PARITY
    best = expected.argmax(axis=1)
    for text, score, index in zip(texts, scores, best, strict=True):
        # Without a known token the label is a rule of the service, not of the pipeline.
        label = artefact.scorer.classes[index] if score.known_tokens else "neutral"
        assert score.label == label, text_digest(text)


def test_explanations_add_up_on_held_out_texts(artefact: Artefact, material: Material) -> None:
    scorer = artefact.scorer
    assert isinstance(scorer, FoldedScorer)
    negative, positive = (scorer.classes.index(name) for name in ("negative", "positive"))
    for row in material.split.held_out[:1000]:
        score, explanation = scorer.score_and_explain(row.text)
        if len(explanation) < 50:
            total = scorer.bias(row.text) + sum(weight for _, weight in explanation)
            odds = score.probabilities[positive] / score.probabilities[negative]
            assert abs(total - np.log(odds)) <= PARITY


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Oh yeah, that was soooo cool!", "positive"),
        ("I am happy", "positive"),
        ("I am sad", "negative"),
        ("The food was not good.", "negative"),
        ("", "neutral"),
        ("😀", "neutral"),
        ("Это был отличный фильм", "neutral"),
    ],
)
def test_known_sentences(artefact: Artefact, text: str, label: str) -> None:
    assert artefact.scorer.score(text).label == label


def _thousand_squares() -> int:
    """Plain Python, as a measure of the machine: about 50 us on two shared cores of 2024."""
    return sum(number * number for number in range(1000))


@pytest.mark.parametrize(("length", "limit"), [(100, 3), (10_000, 120)])
def test_a_text_costs_a_few_thousand_squares(artefact: Artefact, length: int, limit: float) -> None:
    """Measured: v1 0.6 and 20, v2 1.1 and 41 times a thousand squares of the same moment.

    A ratio, because a machine that is slow for a while is slow at both.
    """
    text = ("The rooms were clean, but the breakfast was not good and far too cold :( " * 140)[
        :length
    ]
    scoring, squares = [], []
    for _ in range(200):
        start = time.thread_time_ns()  # of this thread: other processes do not count
        artefact.scorer.score(text)
        middle = time.thread_time_ns()
        _thousand_squares()
        squares.append(time.thread_time_ns() - middle)
        scoring.append(middle - start)
    # The fastest tenth: a neighbour on the same core slows the rest down.
    fastest, measure = (statistics.quantiles(times, n=10)[0] for times in (scoring, squares))
    assert fastest <= limit * measure


def test_a_model_is_loaded_in_little_time_and_memory(artefact: Artefact) -> None:
    program = (
        "import sys, time; from pathlib import Path; from services.artefact import load\n"
        "before = time.process_time(); model = load(Path(sys.argv[1]))\n"
        "print(time.process_time() - before)\n"
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    output = subprocess.check_output(
        [sys.executable, "-c", program, str(MODELS / artefact.version)], cwd=ROOT, text=True
    )
    seconds, kilobytes = map(float, output.split())
    # Measured: 0.05 s and 44 MB, of which 18 MB are the interpreter and its modules.
    assert seconds < 0.4
    assert kilobytes < 60_000
