"""Reads the literal files below nginx/: directives with their file and line.

Only the grammar is read (words, quotes, comments, blocks), not the meaning: nginx
itself, through `nginx -t`, is the judge of that. Includes are not followed; every
.conf file below nginx/ is read once.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Place, TopologyError, in_words
from gateway.ports import parse_port

FOLDER = "nginx"
_DEEPEST = 32
"""Blocks inside each other. nginx itself needs five; more is no configuration."""

# A `#` or a quote inside a word is part of the word; `${name}` keeps its braces.
_TOKEN = re.compile(
    r"""(?P<blank>\s+|\#[^\n]*)
      | (?P<mark>[{};])
      | "(?P<double>(?:\\.|[^"\\])*)"
      | '(?P<single>(?:\\.|[^'\\])*)'
      | (?P<word>(?!["'])(?:\\.|\$\{[^}\s]*\}|[^\s{};\\])+)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Directive:
    """`name args;` or `name args { block }`. Inside a `map` block the names are its keys."""

    name: str
    args: tuple[str, ...]
    place: Place
    block: "tuple[Directive, ...] | None" = None

    def walk(self) -> "Iterator[Directive]":
        """This directive and everything inside it, in the order of the file."""
        yield self
        for child in self.block or ():
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Server:
    """One `server ADDRESS;` line of an upstream."""

    address: str
    backup: bool
    """Used only while every other server of the upstream is down."""
    place: Place


@dataclass(frozen=True, slots=True)
class Upstream:
    """A group of instances that share requests."""

    name: str
    servers: tuple[Server, ...]
    place: Place


def parse(text: str, file: str) -> tuple[Directive, ...]:
    """The directives of one file. Raises TopologyError with the line of the fault."""
    parser = _Parser(text, file)
    return parser.block(None, 0)


def read_nginx(root: Path) -> tuple[Directive, ...]:
    """The top-level directives of every .conf file below root/nginx. Raises TopologyError."""
    top: list[Directive] = []
    paths = sorted((root / FOLDER).rglob("*.conf"))
    if not paths:
        raise TopologyError(Place(FOLDER), "holds no .conf file", "restore the folder")
    for path in paths:
        file = path.relative_to(root).as_posix()
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problem = f"cannot be read ({in_words(error)})"
            raise TopologyError(Place(file), problem, "restore the file") from None
        top.extend(parse(text, file))
    return tuple(top)


def walk(directives: tuple[Directive, ...]) -> Iterator[Directive]:
    """Every directive, at any depth."""
    for directive in directives:
        yield from directive.walk()


def upstreams(directives: tuple[Directive, ...]) -> dict[str, Upstream]:
    """The upstream blocks by name."""
    found: dict[str, Upstream] = {}
    for directive in walk(directives):
        if directive.name == "upstream" and directive.args:
            servers = tuple(
                Server(child.args[0], "backup" in child.args[1:], child.place)
                for child in directive.block or ()
                if child.name == "server" and child.args
            )
            found[directive.args[0]] = Upstream(directive.args[0], servers, directive.place)
    return found


def status_listen(directives: tuple[Directive, ...]) -> tuple[int, Place]:
    """Port and line of the `listen` of the server that has stub_status. Raises TopologyError."""
    for server in walk(directives):
        if server.name != "server" or server.block is None:
            continue
        inside = list(server.walk())
        if not any(directive.name == "stub_status" for directive in inside):
            continue
        for directive in inside:
            if directive.name == "listen" and directive.args:
                port = parse_port(directive.args[0].rpartition(":")[2])
                if port is not None:
                    return port, directive.place
        fix = "write `listen 127.0.0.1:PORT;`"
        raise TopologyError(server.place, "the status server has no `listen` with a port", fix)
    raise TopologyError(Place(FOLDER), "no server has stub_status", "restore the status server")


class _Parser:
    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._text = text
        self._position = 0
        self._line = 1

    def _token(self) -> tuple[str, str, int] | None:
        """Kind, value and line of the next token that is not blank."""
        while self._position < len(self._text):
            match = _TOKEN.match(self._text, self._position)
            if match is None or match.lastgroup is None:
                fix = "close the quote, or remove the backslash at the end"
                raise TopologyError(Place(self._file, self._line), "unfinished word", fix)
            line = self._line
            self._position = match.end()
            self._line += match[0].count("\n")
            if match.lastgroup != "blank":
                return match.lastgroup, match[match.lastgroup], line
        return None

    def block(self, opened: int | None, depth: int) -> tuple[Directive, ...]:
        """Directives up to the closing brace of the block opened on that line, or the end."""
        if depth > _DEEPEST:
            problem = f"more than {_DEEPEST} blocks inside each other"
            raise TopologyError(Place(self._file, opened), problem, "close some of them")
        found: list[Directive] = []
        words: list[str] = []
        start = self._line
        while (token := self._token()) is not None:
            kind, value, line = token
            if kind != "mark":
                start = start if words else line
                words.append(value)
                continue
            place = Place(self._file, start if words else line)
            if value == "}":
                if words or opened is None:
                    problem = f"unexpected }} after {words[-1]!r}" if words else "unexpected }"
                    raise TopologyError(Place(self._file, line), problem, "add ; or remove it")
                return tuple(found)
            if not words:
                raise TopologyError(place, f"unexpected {value}", "remove it")
            block = self.block(line, depth + 1) if value == "{" else None
            found.append(Directive(words[0], tuple(words[1:]), place, block))
            words = []
        if words:
            raise TopologyError(Place(self._file, start), f"{words[0]!r} has no end", "add ;")
        if opened is not None:
            raise TopologyError(Place(self._file, opened), "{ is never closed", "add }")
        return tuple(found)
