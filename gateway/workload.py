"""The one file that knows what the model is asked and what it answers: workload.yaml."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.errors import AnswerMissing, Place, WorkloadError, in_words
from gateway.yaml_source import Entry, read_yaml

__all__ = [
    "AnswerMissing",
    "Corpus",
    "Example",
    "Text",
    "Workload",
    "WorkloadError",
    "load_workload",
    "only",
    "resolve",
]

FILE = "workload.yaml"
PLACEHOLDER = "{text}"

_METHODS = ("POST", "PUT", "PATCH")


@dataclass(frozen=True, slots=True)
class Text:
    """One row of the corpus."""

    text: str
    label: str | None
    """The right answer; None where the corpus has no labels."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """A CSV file with a header, and which of its columns count."""

    path: Path
    text_column: str
    label_column: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Example:
    """One request to try the model with."""

    text: str
    answer: Any
    """The answer that is expected; None where any will do."""
    debug_only: str | None
    """Pointer to a part of the body that v2 gives and v1 never does."""


@dataclass(frozen=True, slots=True)
class Workload:
    """How one request looks, where its answer is, and where texts come from."""

    method: str
    path: str
    template: Any
    """The JSON body with `{text}` where a text goes."""
    pointer: str
    """JSON pointer (RFC 6901) to the answer in a response body."""
    corpus: Corpus
    example: Example

    def body(self, text: str) -> Any:
        """The JSON body of a request for one text, a new object at every call."""
        return _fill(self.template, text)

    def answer(self, body: Any) -> Any:
        """The answer in a response body. Raises AnswerMissing."""
        return resolve(body, self.pointer)

    def texts(self) -> tuple[Text, ...]:
        """The rows of the corpus, in order. Raises WorkloadError when it cannot be read."""
        return _read_corpus(self.corpus)


def load_workload(root: Path) -> Workload:
    """Read workload.yaml of the workspace at `root`. Raises WorkloadError naming the line."""
    top = read_yaml(root, FILE, WorkloadError)
    _only(top, ("method", "path", "request", "answer", "corpus", "example"))
    method = top.require("method")
    if method.text() not in _METHODS:
        fix = f"use one of {', '.join(_METHODS)}"
        raise WorkloadError(method.place, f"method {method.text()!r} carries no body", fix)
    path = top.require("path")
    if not path.text().startswith("/") or not path.text().isprintable() or " " in path.text():
        raise WorkloadError(path.place, f"path {path.text()!r}", "start it with /, without blanks")
    request = top.require("request")
    template = request.plain()
    if not _uses_text(template):
        problem = f"the request has no {PLACEHOLDER}"
        raise WorkloadError(request.place, problem, "put it where a text of the corpus goes")
    return Workload(
        method=method.text(),
        path=path.text(),
        template=template,
        pointer=_pointer(top.require("answer")),
        corpus=_corpus(root, top.require("corpus")),
        example=_example(top.require("example")),
    )


def resolve(body: Any, pointer: str) -> Any:
    """The part of a JSON document at a JSON pointer (RFC 6901). Raises AnswerMissing."""
    found = body
    for step in _steps(pointer):
        if isinstance(found, Mapping) and step in found:
            found = found[step]
        elif isinstance(found, list) and _is_index(step) and int(step) < len(found):
            found = found[int(step)]
        else:
            problem = f"the response has nothing at {pointer!r} (looking for {step!r})"
            raise AnswerMissing(Place(FILE), problem, "correct `answer`, or the service")
    return found


def only(body: Any, pointer: str) -> Any:
    """The document without anything but the way to `pointer`: `resolve` says the same of both."""
    return _way(body, _steps(pointer))


def _way(body: Any, steps: list[str]) -> Any:
    if not steps:
        return body
    step, rest = steps[0], steps[1:]
    if isinstance(body, Mapping):
        return {step: _way(body[step], rest)} if step in body else {}
    if isinstance(body, list):
        inside = _is_index(step) and int(step) < len(body)
        return [*[None] * int(step), _way(body[int(step)], rest)] if inside else []
    return None


def _steps(pointer: str) -> list[str]:
    # "~1" first: "~01" is the two characters "~1" (RFC 6901, section 4).
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _is_index(step: str) -> bool:
    # No sign, no leading zero (RFC 6901, section 4).
    return step == "0" or (step.isascii() and step.isdigit() and not step.startswith("0"))


def _fill(template: Any, text: str) -> Any:
    if isinstance(template, str):
        return template.replace(PLACEHOLDER, text)
    if isinstance(template, dict):
        return {key: _fill(value, text) for key, value in template.items()}
    if isinstance(template, list):
        return [_fill(value, text) for value in template]
    return template


def _uses_text(template: Any) -> bool:
    if isinstance(template, dict):
        return any(_uses_text(value) for value in template.values())
    if isinstance(template, list):
        return any(_uses_text(value) for value in template)
    return isinstance(template, str) and PLACEHOLDER in template


def _only(entry: Entry, known: tuple[str, ...]) -> None:
    for key, value in entry.entries().items():
        if key not in known:
            raise WorkloadError(value.place, f"unknown key {key}", f"use {', '.join(known)}")


def _pointer(entry: Entry) -> str:
    text = entry.text()
    if (text and not text.startswith("/")) or re.search("~(?![01])", text):
        fix = "start it with /, write ~ as ~0 and / inside a name as ~1"
        raise WorkloadError(entry.place, f"{text!r} is not a JSON pointer", fix)
    return text


def _corpus(root: Path, entry: Entry) -> Corpus:
    _only(entry, ("file", "text", "label"))
    file, label = entry.require("file"), entry.get("label")
    if not file.text().isprintable():
        problem = f"the corpus {file.text()!r} has a control character in its name"
        raise WorkloadError(file.place, problem, "correct the name")
    return Corpus(
        path=root / file.text(),
        text_column=entry.require("text").text(),
        label_column=None if label is None else label.text(),
        place=file.place,
    )


def _example(entry: Entry) -> Example:
    _only(entry, ("text", "answer", "debug_only"))
    pointer, answer = entry.get("debug_only"), entry.get("answer")
    return Example(
        text=entry.require("text").text(),
        answer=None if answer is None else answer.plain(),
        debug_only=None if pointer is None else _pointer(pointer),
    )


def _read_corpus(corpus: Corpus) -> tuple[Text, ...]:
    file = str(corpus.path)
    try:
        with corpus.path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            header = reader.fieldnames or ()
            for column in (corpus.text_column, corpus.label_column):
                if column is not None and column not in header:
                    problem = f"no column {column!r} (there are: {', '.join(header) or 'none'})"
                    fix = f"correct the corpus in {corpus.place}"
                    raise WorkloadError(Place(file, 1), problem, fix)
            texts = tuple(_text(row, corpus, Place(file, reader.line_num)) for row in reader)
    except FileNotFoundError:
        fix = f"run `make gen-model`, or correct {corpus.place}"
        raise WorkloadError(Place(file), "the corpus does not exist", fix) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise WorkloadError(
            Place(file), f"cannot be read ({in_words(error)})", "correct the file"
        ) from None
    if not texts:
        raise WorkloadError(Place(file), "the corpus has no rows", "add some below the header")
    return texts


def _text(row: Mapping[str, str | None], corpus: Corpus, place: Place) -> Text:
    text = row[corpus.text_column]
    if text is None:
        raise WorkloadError(place, f"no {corpus.text_column} in this row", "complete or remove it")
    label = row[corpus.label_column] if corpus.label_column is not None else None
    return Text(text, label or None)
