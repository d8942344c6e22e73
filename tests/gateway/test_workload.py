"""workload.yaml: the request template, the pointer to the answer, the corpus."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.workload import AnswerMissing, Text, WorkloadError, load_workload, only, resolve

ROOT = Path(__file__).parents[2]
GOOD = """\
method: POST
path: /predict
request:
  sentence: "{text}"
  options: {language: en, parts: ["<{text}>", 1, null]}
answer: /a/0
corpus:
  file: texts.csv
  text: sentence
  label: label
example:
  text: "Hello"
  answer: 1
"""
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(text: str) -> Path:
        (tmp_path / "workload.yaml").write_text(text, encoding="utf-8")
        return tmp_path

    return _write


def test_the_real_file() -> None:
    workload = load_workload(ROOT)
    assert (workload.method, workload.path) == ("POST", "/predict")
    assert workload.body("so {text}") == {"sentence": "so {text}"}
    assert workload.answer({"prediction": "positive"}) == "positive"
    assert workload.corpus.path == ROOT / "var/data/held-out.csv"
    assert workload.example.text == "Oh yeah, that was soooo cool!"
    assert workload.example.debug_only == "/prediction_proba_dict"


def test_the_text_goes_everywhere_in_the_template(write: Write) -> None:
    workload = load_workload(write(GOOD))
    assert workload.body("x") == {
        "sentence": "x",
        "options": {"language": "en", "parts": ["<x>", 1, None]},
    }
    assert workload.example.answer == 1
    assert workload.example.debug_only is None


def test_an_example_need_not_know_its_answer(write: Write) -> None:
    assert load_workload(write(GOOD.replace("  answer: 1\n", ""))).example.answer is None


def test_bodies_share_nothing(write: Write) -> None:
    workload = load_workload(write(GOOD))
    workload.body("x")["options"]["parts"].clear()
    assert workload.body("y")["options"]["parts"] == ["<y>", 1, None]


@given(st.text())
def test_any_text_arrives_unchanged(text: str) -> None:
    assert json.loads(json.dumps(load_workload(ROOT).body(text))) == {"sentence": text}


# The document and the pointers of RFC 6901, section 5.
RFC_6901: dict[str, Any] = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", RFC_6901),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
    ],
)
def test_pointers_of_the_standard(pointer: str, value: Any) -> None:
    assert resolve(RFC_6901, pointer) == value


@pytest.mark.parametrize("pointer", ["/foo/2", "/foo/-", "/foo/00", "/foo/-1", "/x", "/foo/0/0"])
def test_a_pointer_to_nothing(pointer: str) -> None:
    with pytest.raises(AnswerMissing, match="nothing at"):
        resolve(RFC_6901, pointer)


@given(st.lists(st.text(), max_size=4))
def test_escaped_names_are_found_again(names: list[str]) -> None:
    document: Any = "here"
    for name in reversed(names):
        document = {name: document}
    steps = (name.replace("~", "~0").replace("/", "~1") for name in names)
    assert resolve(document, "".join(f"/{step}" for step in steps)) == "here"


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("method: POST", "method: GET", 1, "POST"),
        ("path: /predict", "path: predict", 2, "start it with /"),
        ("path: /predict", "path: /a b", 2, "blanks"),
        ("answer: /a/0", "answer: a", 6, "start it with /"),
        ("answer: /a/0", "answer: /a~2", 6, "~0"),
        ("answer: /a/0", "answr: /a/0", 6, "unknown key answr"),
        ("  file: texts.csv\n", "", 8, "`file` is missing"),
        ("method: POST\n", "method: POST\nmethod: POST\n", 2, "a second time"),
        ('  text: "Hello"', "  text: @x", 12, "not valid YAML"),
    ],
)
def test_a_bad_line_is_named(write: Write, old: str, new: str, line: int, said: str) -> None:
    assert old in GOOD
    with pytest.raises(WorkloadError, match=rf"^workload\.yaml:{line}: ") as caught:
        load_workload(write(GOOD.replace(old, new)))
    assert said in str(caught.value)


def test_a_request_without_the_text(write: Write) -> None:
    with pytest.raises(WorkloadError, match=r"^workload\.yaml:4: the request has no {text}"):
        load_workload(write(GOOD.replace("{text}", "text")))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(WorkloadError, match=r"^workload\.yaml: cannot be read"):
        load_workload(tmp_path)


def test_the_corpus(write: Write) -> None:
    root = write(GOOD)
    (root / "texts.csv").write_text('\ufeffid,sentence,label\n1,"a, ""b""\nc",pos\n2,d,\n')
    assert load_workload(root).texts() == (Text('a, "b"\nc', "pos"), Text("d", None))


def test_a_corpus_without_labels(write: Write) -> None:
    root = write(GOOD.replace("  label: label\n", ""))
    (root / "texts.csv").write_text("sentence\na\n")
    assert load_workload(root).texts() == (Text("a", None),)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "make gen-model"),
        ("", "no column 'sentence'"),
        ("sentence,lable\na,b\n", "no column 'label' (there are: sentence, lable)"),
        ("sentence,label\n", "no rows"),
        ('sentence,label\n"a,b\n', "cannot be read"),
        ("label,sentence\npos\n", ":2: no sentence"),
    ],
)
def test_a_corpus_that_does_not_fit(write: Write, content: str | None, said: str) -> None:
    root = write(GOOD)
    if content is not None:
        (root / "texts.csv").write_text(content)
    with pytest.raises(WorkloadError, match=r"texts\.csv") as caught:
        load_workload(root).texts()
    assert said in str(caught.value)


_DOCUMENTS = st.recursive(
    st.none() | st.integers(0, 9) | st.sampled_from(["a", "b", "/", "~"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ab01/~"), inner, max_size=4)
    ),
    max_leaves=12,
)
_POINTERS = st.lists(st.sampled_from(["a", "b", "0", "1", "01", "~0", "~1"]), max_size=4).map(
    lambda steps: "".join(f"/{step}" for step in steps)
)


def found(body: Any, pointer: str) -> tuple[Any, str]:
    try:
        return resolve(body, pointer), ""
    except AnswerMissing as error:
        return None, error.problem


@given(_DOCUMENTS, _POINTERS)
def test_a_part_alone_is_found_as_in_the_whole(body: Any, pointer: str) -> None:
    part = only(body, pointer)
    assert found(part, pointer) == found(body, pointer)
    assert only(part, pointer) == part
    assert len(json.dumps(part)) <= len(json.dumps(body)) + 6 * 4  # null for what stood before


def test_a_part_alone_holds_nothing_else() -> None:
    body = {"a": [1, {"b": 2, "c": 3}, 4], "d": 5}
    assert only(body, "/a/1/b") == {"a": [None, {"b": 2}]}
    assert only(body, "/a/9") == {"a": []}
    assert only(body, "/d/x") == {"d": None}
    assert only(body, "") == body
