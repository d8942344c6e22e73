"""How the two models cut a text into tokens.

The training pipeline and the folded scorer call the same functions, so that an
answer never depends on which of the two gave it. Nothing here needs scikit-learn.
"""

import html
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Final, NamedTuple

# scikit-learn's default token pattern: words of two characters or more.
_WORD: Final = re.compile(r"(?u)\b\w\w+\b")

NEGATION_WINDOW: Final = 4
"""Words after a negator that count as negated."""

MARK: Final = "~"
"""Prefix of a negated word's feature. No token contains it."""

_LONG_REFERENCE: Final = re.compile(r"&#([0-9]{9,});?")
_LAST_CHARACTER_DIGITS: Final = 7  # chr(1_114_111)
_URL: Final = re.compile(r"(?:https?://|www\.)\S+")
_USER: Final = re.compile(r"@\w+")
_REPEATED: Final = re.compile(r"(.)\1\1+")
# Order matters: an emoticon before its parts, a word before single marks.
_TWEET_TOKEN: Final = re.compile(
    r"<3"
    r"|[<>]?[:;=]['^o-]?(?:[)(\][|/\\*}{@]+|[dpoxs](?!\w))"  # :) ;-) =D :'(
    r"|[)(][-^']?[:;=](?![)(])"  # (: (-:
    r"|\w+(?:'\w+)*"
    r"|[!?]+"
    r"|[.,;:()\"$%&*+/#-]"
)
_ENDS_NEGATION: Final = frozenset('.,;:()"') | {"!", "!!", "?", "??", "but"}
_NEGATORS: Final = frozenset(
    """
    not no never none nothing nobody nor neither nowhere cannot without
    hardly barely scarcely rarely seldom
    aint arent cant couldnt didnt doesnt dont hadnt hasnt havent isnt mustnt neednt
    shouldnt wasnt werent wont wouldnt
    """.split()  # noqa: SIM905 - a list of words reads better as words
)


def words(text: str) -> list[str]:
    """Lower-case words of at least two characters: what v1 sees."""
    return _WORD.findall(text.lower())


def tweet_tokens(text: str) -> list[str]:
    """Words, emoticons and punctuation of a tweet or a review: what v2 sees.

    HTML entities are decoded, addresses become ``xxurl`` and names ``xxuser``,
    and a character repeated three times or more is kept twice ("sooo" -> "soo").
    """
    if "&" in text:
        text = unescaped(text)
    text = text.lower().replace("\u2019", "'")
    if "//" in text or "www." in text:
        text = _URL.sub("xxurl", text)
    if "@" in text:
        text = _USER.sub("xxuser", text)
    return _TWEET_TOKEN.findall(_REPEATED.sub(r"\1\1", text))


def unescaped(text: str) -> str:
    """With HTML entities decoded: html.unescape for every text.

    That one raises ValueError at a character reference of some thousand digits.
    """
    return html.unescape(_LONG_REFERENCE.sub(_shortened, text))


def _shortened(reference: re.Match[str]) -> str:
    digits = reference[1].lstrip("0")
    return f"&#{digits};" if 0 < len(digits) <= _LAST_CHARACTER_DIGITS else "\ufffd"


def negated(tokens: list[str]) -> list[int]:
    """Positions of the words in the scope of a negator.

    The scope is the next `NEGATION_WINDOW` words and ends early at punctuation
    or at "but".
    """
    positions = []
    remaining = 0
    for position, token in enumerate(tokens):
        if token in _NEGATORS or token.endswith("n't"):
            remaining = NEGATION_WINDOW
        elif remaining:
            if token in _ENDS_NEGATION:
                remaining = 0
            elif token[0].isalnum():
                positions.append(position)
                remaining -= 1
    return positions


def _no_marks(tokens: list[str]) -> list[int]:
    return []


def pairs(tokens: list[str]) -> list[str]:
    """Features of neighbouring tokens."""
    return [f"{first} {second}" for first, second in pairwise(tokens)]


class Analysis(NamedTuple):
    """A way to turn a text into features: its tokens, their pairs and negated ones."""

    tokenize: Callable[[str], list[str]]
    negated: Callable[[list[str]], list[int]]

    def terms(self, text: str) -> list[str]:
        """All features of a text, each as often as it occurs."""
        tokens = self.tokenize(text)
        marked = [MARK + tokens[position] for position in self.negated(tokens)]
        return [*tokens, *pairs(tokens), *marked]


ANALYSES: Final = {
    "words": Analysis(words, _no_marks),
    "tweets": Analysis(tweet_tokens, negated),
}
"""Every known analysis, by the name that the recipes and the folded files use."""
