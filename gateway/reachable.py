"""Where a request can be sent: does it exist, and does anything ever lead there?

`nginx -t` takes a map value without an upstream (the request then answers 502), and a row that
no request ever takes.
"""

import re
from collections.abc import Iterator

from gateway import nginx_files
from gateway.disagreement import Disagreement, differs
from gateway.errors import Place
from gateway.nginx_files import Directive
from gateway.processes import Declared

# A variable may follow, which chooses a copy of the upstream (gateway.drained).
_PROXY_PASS = re.compile(r"https?://(?P<dollar>\$?)(?P<name>[A-Za-z_]\w*)(?:[$:/].*)?")
# Rows of a map that have no value, and those that are no word to compare with.
_NO_VALUE = frozenset({"include", "hostnames", "volatile"})
_NO_WORD = _NO_VALUE | {"default"}

Nginx = tuple[Directive, ...]


def names(nginx: Nginx) -> Iterator[Disagreement]:
    """Whatever proxy_pass can be sent to exists."""
    there = set(nginx_files.upstreams(nginx))
    used = [(match["name"], place) for match, place in _proxy_passes(nginx) if not match["dollar"]]
    choices = _choices(nginx)
    for found in _maps(nginx).values():
        for row in found.block or ():
            value = _value(row)
            chooses = found in choices and value and not value.startswith("$")
            if chooses or value.startswith("api_"):
                used.append((value, row.place))
    for name, place in used:
        if name not in there:
            what = "name of an upstream"
            yield differs(place, what, f"one of {', '.join(sorted(there)) or 'none'}", name)


def ways(declared: Declared, nginx: Nginx) -> Iterator[Disagreement]:
    """Every version is chosen by some value, and every value that chooses can come up.

    Without a map that chooses, proxy_pass alone says who answers: there is nothing to compare.
    """
    choices, maps = _choices(nginx), _maps(nginx)
    chosen = {_value(row) for choice in choices for row in choice.block or ()}
    for version in dict.fromkeys(each.version for each in declared.instances) if choices else ():
        if f"api_{version}" not in chosen:
            what = f"row of the map of {choices[0].args[1]} that chooses {version}"
            yield differs(choices[0].place, what, f"{version} api_{version};", "none")
    for choice in choices:
        source = choice.args[0]
        given = _values(source, maps, frozenset())
        for row in choice.block or ():
            is_word = row.name not in _NO_WORD and not row.name.startswith("~")
            if is_word and given is not None and row.name.lower() not in given:
                expected = f"one of {', '.join(sorted(given - {''}))}"
                yield differs(row.place, f"value of {source}, by its map", expected, row.name)


def _proxy_passes(nginx: Nginx) -> Iterator[tuple[re.Match[str], Place]]:
    for directive in nginx_files.walk(nginx):
        if directive.name == "proxy_pass" and directive.args:
            match = _PROXY_PASS.fullmatch(directive.args[0])
            if match is not None:
                yield match, directive.place


def _maps(nginx: Nginx) -> dict[str, Directive]:
    """By the variable that each one sets."""
    found = (each for each in nginx_files.walk(nginx) if each.name == "map")
    return {each.args[1]: each for each in found if len(each.args) == 2}


def _choices(nginx: Nginx) -> list[Directive]:
    """The maps whose variable names the upstream of a proxy_pass."""
    variables = {f"${match['name']}" for match, _ in _proxy_passes(nginx) if match["dollar"]}
    return [found for variable, found in _maps(nginx).items() if variable in variables]


def _value(row: Directive) -> str:
    """What a row of a map gives, "" for one that gives nothing."""
    return row.args[0] if row.args and row.name not in _NO_VALUE else ""


def _values(
    variable: str, maps: dict[str, Directive], inside: frozenset[str]
) -> frozenset[str] | None:
    """All that a variable can be, in lower case; None where no map says it."""
    if variable not in maps or variable in inside:
        return None
    found: set[str] = set()
    for row in maps[variable].block or ():
        value = _value(row)
        if not value.startswith("$"):
            found.add(value.lower())
        elif (more := _values(value, maps, inside | {variable})) is not None:
            found |= more
        else:
            return None
    return frozenset(found)
