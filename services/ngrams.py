"""scikit-learn's word n-grams, as far as the vectorizers with standard settings go.

The settings are plain data in a folded artefact; the terms of a text are those that
CountVectorizer and TfidfVectorizer would find with them. Needs no scikit-learn.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

Tokenize = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class Ngrams:
    """How a vectorizer of scikit-learn turns a text into the values of its terms.

    A term that occurs c times counts c, 1 where `binary`, then 1 + ln of that where
    `sublinear`. Where `normalised`, the values of a text are divided by their l2 norm.
    """

    lowercase: bool
    token_pattern: str
    """Regular expression of a token; with a group, the group is the token."""
    stop_words: tuple[str, ...]
    shortest: int
    """Tokens in the shortest n-gram; `longest` those in the longest."""
    longest: int
    sublinear: bool
    binary: bool
    normalised: bool

    def tokenizer(self) -> Tokenize:
        """The function that cuts a text into tokens.

        Raises ValueError for a pattern that is no regular expression.
        """
        try:
            found = re.compile(self.token_pattern).findall
        except re.error as error:
            raise ValueError(f"token pattern {self.token_pattern!r}: {error}") from error
        stop_words = frozenset(self.stop_words)
        lowercase = self.lowercase

        def tokenize(text: str) -> list[str]:
            tokens: list[str] = found(text.lower() if lowercase else text)
            return [token for token in tokens if token not in stop_words] if stop_words else tokens

        return tokenize

    def as_header(self) -> dict[str, Any]:
        """The settings as they are written into a folded artefact."""
        return asdict(self)


class Term(NamedTuple):
    """One occurrence of an n-gram: its text, its first token and how many it has."""

    text: str
    start: int
    length: int


def from_header(header: dict[str, Any]) -> Ngrams:
    """The settings in a folded artefact. Raises KeyError or TypeError for others."""
    values = {field.name: header[field.name] for field in fields(Ngrams)}
    return Ngrams(**{**values, "stop_words": tuple(values["stop_words"])})


def terms(tokens: list[str], shortest: int, longest: int) -> Iterator[Term]:
    """All n-grams of the tokens, each as often as it occurs."""
    for length in range(shortest, min(longest, len(tokens)) + 1):
        if length == 1:
            for start, token in enumerate(tokens):
                yield Term(token, start, 1)
            continue
        for start in range(len(tokens) - length + 1):
            yield Term(" ".join(tokens[start : start + length]), start, length)
