"""The filter of the Traffic screen: `status>=400 inst:v2 user:admin !path:/healthz`.

Terms are separated by spaces and all of them have to hold. A term is a field, an operator
and a value; `!` before it turns it round; a word alone is looked for in every text field.

    status   200, or a class: 4xx          = != > >= < <=
    ms       duration in milliseconds      = != > >= < <=
    inst     v1-2, nginx, or all of v2     :  (starts with)  = !=
    user path method cohort ip id agent    :  (contains)     = !=
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from gateway.accesslog import Access

NumberField: TypeAlias = Callable[[Access], float]
Answered: TypeAlias = Callable[[Access], str]
"""Who answered a request, "" for nginx itself (Model.answered_by)."""
TextField: TypeAlias = Callable[[Access, Answered], tuple[str, ...]]
Test: TypeAlias = Callable[[Access, Answered], bool]

NGINX = "nginx"
"""What `inst` is called where nginx answered by itself."""

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
    ":": operator.eq,
}
_NUMBERS: dict[str, NumberField] = {
    "status": lambda access: access.status,
    "ms": lambda access: round(access.request_time * 1000),
}
_TEXTS: dict[str, TextField] = {
    "inst": lambda access, answered: (answered(access) or NGINX,),
    "user": lambda access, _: (access.remote_user, access.user_id),
    "path": lambda access, _: (access.uri,),
    "method": lambda access, _: (access.method,),
    "cohort": lambda access, _: (access.cohort,),
    "ip": lambda access, _: (access.remote_addr,),
    "id": lambda access, _: (access.request_id,),
    "agent": lambda access, _: (access.user_agent,),
}
FIELDS = (*_NUMBERS, *_TEXTS)
_TERM = re.compile(
    r"(?P<not>!?)(?:(?P<field>[a-z]+)(?P<operator>>=|<=|!=|>|<|=|:)(?P<value>.*)|(?P<word>.+))",
    re.DOTALL,
)
_CLASS = re.compile(r"[1-5]xx", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,3})?", re.ASCII)


class FilterError(ValueError):
    """A term that cannot be understood. The message says which and what would be."""


@dataclass(frozen=True, slots=True)
class Term:
    """One condition."""

    field: str
    """One of FIELDS, "" for a word alone."""
    operator: str
    value: str
    negated: bool = False

    def __str__(self) -> str:
        return f"{'!' if self.negated else ''}{self.field}{self.operator}{self.value}"


@dataclass(frozen=True, slots=True)
class Filter:
    """All terms have to hold; none holds for everything."""

    terms: tuple[Term, ...] = ()

    def __str__(self) -> str:
        return " ".join(str(term) for term in self.terms)

    def matcher(self, answered: Answered) -> Callable[[Access], bool]:
        """A function that says whether a request is wanted."""
        tests = [_test(term) for term in self.terms]
        return lambda access: all(test(access, answered) for test in tests)

    def with_term(self, term: Term) -> Filter:
        """This one with a term more; terms of the same field and operator give way to it."""
        kept = [
            old
            for old in self.terms
            if (old.field, old.operator, old.negated) != (term.field, term.operator, term.negated)
        ]
        return Filter((*kept, term))


def parse_filter(text: str) -> Filter:
    """The filter that a person typed. Raises FilterError."""
    return Filter(tuple(_term(part) for part in text.split()))


def _term(part: str) -> Term:
    match = _TERM.fullmatch(part)
    if match is None or part == "!":
        raise FilterError(f"{part!r} is not a condition: try status>=400 or a word")
    negated = bool(match["not"])
    if match["word"] is not None:
        return Term("", "", match["word"], negated)
    field, operation, value = match["field"], match["operator"], match["value"]
    if field not in FIELDS:
        raise FilterError(f"no field {field!r}: use one of {' '.join(FIELDS)}")
    if not value:
        raise FilterError(
            f"{part!r} lacks a value, for example {field}{operation}{_example(field)}"
        )
    if field in _NUMBERS:
        if _CLASS.fullmatch(value) and field == "status":
            if operation not in ("=", ":", "!="):
                raise FilterError(f"{part!r}: a class such as 4xx goes with = or !=")
        elif not _NUMBER.fullmatch(value):
            raise FilterError(f"{value!r} is not a number: try {field}>={_example(field)}")
    elif operation not in ("=", ":", "!="):
        raise FilterError(f"{part!r}: {field} is text, which goes with : = or !=")
    return Term(field, operation, value, negated)


def _example(field: str) -> str:
    return {"status": "400", "ms": "20", "inst": "v2", "path": "/predict"}.get(field, "abc")


def _test(term: Term) -> Test:
    found = _number_test(term) if term.field in _NUMBERS else _text_test(term)
    if term.negated:
        return lambda access, answered: not found(access, answered)
    return found


def _number_test(term: Term) -> Test:
    read = _NUMBERS[term.field]
    if _CLASS.fullmatch(term.value):
        hundred = int(term.value[0])
        same = term.operator != "!="
        return lambda access, _: (read(access) // 100 == hundred) is same
    compare, value = _COMPARE[term.operator], float(term.value)
    return lambda access, _: compare(read(access), value)


def _text_test(term: Term) -> Test:
    value = term.value.casefold()
    reads = [_TEXTS[term.field]] if term.field else list(_TEXTS.values())
    holds: Callable[[str], bool]
    if term.operator in ("=", "!="):
        holds = value.__eq__
    elif term.field == "inst":
        holds = _starts_with(value)
    else:
        holds = _contains(value)
    wanted = term.operator != "!="

    def test(access: Access, answered: Answered) -> bool:
        texts = (text.casefold() for read in reads for text in read(access, answered))
        return any(holds(text) for text in texts) is wanted

    return test


def _starts_with(value: str) -> Callable[[str], bool]:
    return lambda text: text.startswith(value)


def _contains(value: str) -> Callable[[str], bool]:
    return lambda text: value in text
