"""Training the shipped recipes on a CSV file of one's own."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from services.artefact import MANIFEST, Origin, load
from services.gen_model import ExitCode, main
from services.training import session
from services.training.archives import DataError
from services.training.corpora import Corpus
from services.training.gates import OWN_DATA_GATES
from services.training.own_data import LEAST_TEXTS, OwnSource, own_split
from services.training.publish import PREVIOUS, origin, publish, undo
from services.training.session import Options, run
from tests.services.tiny_corpus import EASY, TinySource, library, recipe

V1, V2 = recipe("words", "v1"), recipe("tweets", "v2")
Write = Callable[..., Path]


def texts(label: str, count: int = 60) -> list[str]:
    """Different texts of a class."""
    return [f"{label} thing number {n}" for n in range(count)]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(content: str | bytes, name: str = "my.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return _write


def table(*labels: str, header: str = "text,label", count: int = 60) -> str:
    lines = [f"{text},{label}" for label in labels for text in texts(label, count)]
    return "\n".join([header, *lines]) + "\n"


def read(source: OwnSource, folder: Path) -> Corpus:
    return source.read(library(folder))


# ---- the file ------------------------------------------------------------------


@pytest.mark.parametrize("header", ["text,label", "content,sentiment", "sentence,label"])
def test_every_name_of_the_columns_is_known(write: Write, tmp_path: Path, header: str) -> None:
    corpus = read(OwnSource(write(table("rain", "sun", header=header))), tmp_path)
    assert corpus.origin is Origin.OWN_DATA
    assert {row.label for row in corpus.rows} == {"rain", "sun"}
    assert corpus.rows[0].text == "rain thing number 0"
    assert corpus.lexicon == {}  # no archive here: v2 does without


def test_other_columns_a_mark_and_windows_lines_do_no_harm(write: Write, tmp_path: Path) -> None:
    rows = [f'{n},{label},"{text}, too"' for label in "ab" for n, text in enumerate(texts(label))]
    content = "\ufeff" + "\r\n".join(["id,label,text", *rows])
    corpus = read(OwnSource(write(content)), tmp_path)
    assert len(corpus.rows) == 120
    assert corpus.rows[0].text == "a thing number 0, too"


def test_scores_are_cut_at_the_threshold(write: Write, tmp_path: Path) -> None:
    scores = {"much": 0.5, "some": 0.49, "little": -0.5}
    lines = [f"{name} {n},{score}" for name, score in scores.items() for n in range(60)]
    path = write("\n".join(["text,score", *lines]))
    labels = {row.text: row.label for row in read(OwnSource(path), tmp_path).rows}
    assert (labels["much 0"], labels["some 0"], labels["little 0"]) == (
        "positive",
        "neutral",
        "negative",
    )
    lower = read(OwnSource(path, threshold=0.4), tmp_path)
    assert {row.label for row in lower.rows} == {"positive", "negative"}
    assert lower.files != OwnSource(path).files


def test_a_label_map_joins_and_leaves_out(write: Write, tmp_path: Path) -> None:
    path = write(table("joy", "fun", "anger", "empty", count=30))
    names = write("from,to\njoy,good\nfun,good\nanger,bad\nempty,\n", "map.csv")
    with pytest.raises(DataError, match=r"my\.csv:62: 1 of 2 classes has fewer than 50"):
        read(OwnSource(path, names), tmp_path)
    path = write(table("joy", "fun", "anger", "empty"))
    corpus = read(OwnSource(path, names), tmp_path)
    assert {row.label for row in corpus.rows} == {"good", "bad"}
    assert set(corpus.files) == {"my.csv", "map.csv", "threshold"}


GOOD = table("rain", "sun")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "my.csv:1: no column text or content or sentence (there are: none)"),
        ("a;b\n", "my.csv:1: no column text or content or sentence (there are: a;b)"),
        ("text,b\n", "my.csv:1: no column label or sentiment or score (there are: text, b)"),
        ("text,label\n", "my.csv: no rows below the header"),
        (table("rain"), "my.csv: every row is 'rain': at least 2 classes"),
        (
            GOOD + "more,snow\n",
            "my.csv:122: 1 of 3 classes has fewer than 50 different",
        ),
        (GOOD + "a,b,c\n", "my.csv:122: more columns than the header has"),
        (GOOD + "alone\n", "my.csv:122: no label in this row"),
        (GOOD + "text, \n", "my.csv:122: no label in this row"),
        (GOOD + 'b,"rain\n', "my.csv:122: unexpected end of data"),
        (GOOD.encode() + b"caf\xe9,rain\n", "my.csv:122: byte "),
        ("text,score\na,1\nb,much\n", "my.csv:3: the score 'much' is not a number"),
        ("text,score\na,nan\n", "my.csv:2: the score 'nan' is not a number"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    write: Write, tmp_path: Path, content: str | bytes, said: str
) -> None:
    with pytest.raises(DataError) as error:
        read(OwnSource(write(content)), tmp_path)
    assert said in str(error.value)


def test_repeated_texts_count_once(write: Write, tmp_path: Path) -> None:
    content = table("rain", "sun") + "the same again,snow\n" * LEAST_TEXTS
    with pytest.raises(DataError, match="'snow' has 1"):
        read(OwnSource(write(content)), tmp_path)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("from,to\nrain,wet\n", "my.csv:62: the label 'sun' is not in"),
        ("old,new\nrain,wet\n", "map.csv:1: no column from"),
        ("from,to\nrain\n", "map.csv:2: write old name, comma, new name"),
    ],
)
def test_a_label_map_that_does_not_fit(write: Write, tmp_path: Path, names: str, said: str) -> None:
    with pytest.raises(DataError) as error:
        read(OwnSource(write(GOOD), write(names, "map.csv")), tmp_path)
    assert said in str(error.value)


def test_texts_of_any_alphabet_are_kept(write: Write, tmp_path: Path) -> None:
    words = [f"{word} {n}," for word in ("дождь", "太陽") for n in range(60)]
    lines = [f"{line}{'rain' if 'д' in line else 'sun'}" for line in words]
    corpus = read(OwnSource(write("\n".join(["text,label", *lines]))), tmp_path)
    cleaned = own_split(corpus.rows)
    assert len(cleaned.train) + len(cleaned.held_out) == 120


@pytest.mark.parametrize(
    "arguments",
    [["--label-map", "map.csv"], ["--data", "my.csv", "--threshold", "0"]],
)
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments, {})
    assert stopped.value.code == ExitCode.USAGE


def test_a_missing_file_is_2_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--data", str(tmp_path / "no.csv"), "--models-dir", str(tmp_path / "models")]
    assert main(arguments, {}) == ExitCode.USAGE
    assert "no.csv: No such file" in capsys.readouterr().err


# ---- the training --------------------------------------------------------------


def options(folder: Path, **changes: object) -> Options:
    wanted = Options(
        recipes=(V1, V2),
        if_needed=False,
        cross_validate=False,
        models_dir=folder / "models",
        held_out=folder / "data" / "held-out.csv",
        library=library(folder),
        every_gate=False,
        gates=OWN_DATA_GATES,
    )
    return replace(wanted, **changes)  # type: ignore[arg-type]


def _never(*arguments: object) -> None:
    raise AssertionError("nothing was to be trained")


def test_own_texts_from_file_to_model_and_back(
    write: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = OwnSource(write(table("rain", "snow", "sun")))
    run(options(tmp_path, source=own))
    assert "NOT MEASURED: the UCI set" in capsys.readouterr().err
    for version in ("v1", "v2"):
        artefact = load(tmp_path / "models" / version)
        assert artefact.scorer.classes == ("rain", "snow", "sun")
        assert artefact.scorer.score("a snow thing").label == "snow"
        assert origin(tmp_path / "models", version) is Origin.OWN_DATA
        assert artefact.manifest["data"]["name"] == "my.csv"
        card = (tmp_path / "models" / version / "MODEL.md").read_text()
        assert "texts of your own" in card
        assert "Hutto" not in card
    with (tmp_path / "data" / "held-out.csv").open(newline="") as file:
        assert {row["label"] for row in csv.DictReader(file)} == {"rain", "snow", "sun"}

    # A start of the workspace trains nothing and writes nothing over it.
    with monkeypatch.context() as patched:
        patched.setattr(session, "run_workers", _never)
        shipped = TinySource()
        held_out = tmp_path / "data" / "held-out.csv"
        run(options(tmp_path, source=shipped, if_needed=True))
        assert "v1 is trained on your own data and stays" in capsys.readouterr().err
        held_out.unlink()
        run(options(tmp_path, source=shipped, if_needed=True))
        assert "make gen-model DATA=..." in capsys.readouterr().err
        assert shipped.reads == 0
        assert not held_out.exists()

    # Asked for, the shipped one is back, and the other is kept.
    run(options(tmp_path, source=TinySource(), recipes=(V1,), gates={"v1": EASY}))
    assert origin(tmp_path / "models", "v1") is Origin.SHIPPED
    assert origin(tmp_path / "models", f"v1{PREVIOUS}") is Origin.OWN_DATA


def test_a_start_keeps_an_adopted_model_and_trains_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = options(tmp_path, source=TinySource(), gates={"v1": EASY, "v2": EASY})
    run(shipped)
    manifest = tmp_path / "models" / "v2" / MANIFEST
    stranger = {**json.loads(manifest.read_text()), "origin": "adopted", "code": "none of ours"}
    manifest.write_text(json.dumps(stranger))
    digest = load(tmp_path / "models" / "v2").digest
    capsys.readouterr()
    with monkeypatch.context() as patched:
        patched.setattr(session, "run_workers", _never)
        run(replace(shipped, if_needed=True))
    assert "v2 is an adopted model and stays" in capsys.readouterr().err
    assert load(tmp_path / "models" / "v2").digest == digest
    run(replace(shipped, recipes=(V2,)))
    assert "v2: replaces the adopted model; back to that: `make adopt" in capsys.readouterr().err
    assert load(tmp_path / "models" / "v2").digest != digest
    assert undo(tmp_path / "models", "v2")
    assert load(tmp_path / "models" / "v2").digest == digest


def test_only_one_former_model_is_kept(tmp_path: Path) -> None:
    for content in ("first", "second", "third"):
        (tmp_path / "new").mkdir()
        (tmp_path / "new" / "model").write_text(content)
        publish(tmp_path / "new", tmp_path, "v2", keep=True)
    names = {path.name: (path / "model").read_text() for path in tmp_path.iterdir()}
    assert names == {"v2": "third", "v2.previous": "second"}
    assert undo(tmp_path, "v2")
    names = {path.name: (path / "model").read_text() for path in tmp_path.iterdir()}
    assert names == {"v2": "second", "v2.previous": "third"}
    assert not undo(tmp_path, "v1")
