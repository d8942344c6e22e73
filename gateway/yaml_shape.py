"""Refuses YAML that would make its readers run out of stack, memory or time.

PyYAML composes by recursion, in C beyond any limit of Python's; and aliases make a few lines
stand for thousands of millions of values, or for a value inside itself.
"""

from collections.abc import Iterable
from typing import Final

import yaml

DEEPEST: Final = 50
"""Collections inside each other."""
LARGEST: Final = 100_000
"""Values, each counted as often as aliases repeat it."""


class BadShape(ValueError):
    """Nested too deeply, too large, or without end."""

    def __init__(self, line: int, problem: str) -> None:
        """`line` is counted from 1."""
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem


def check_depth(events: Iterable[yaml.Event]) -> None:
    """Look at a document before it is composed. Raises BadShape, and what the parser raises."""
    depth = 0
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                mark = event.start_mark
                raise _too_deep(0 if mark is None else mark.line)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def check_size(top: yaml.Node) -> None:
    """Look at a document that `check_depth` has passed, its aliases followed. Raises BadShape."""
    _measure(top, {}, set())


def _measure(
    node: yaml.Node, known: dict[int, tuple[int, int]], open_: set[int]
) -> tuple[int, int]:
    """Size and height of a node; `open_` are the nodes around it."""
    found = known.get(id(node))
    if found is not None:
        return found
    line = node.start_mark.line
    if id(node) in open_:
        raise BadShape(line + 1, "a value contains itself, by an alias")
    open_.add(id(node))
    size = height = 1
    for child in _children(node):
        child_size, child_height = _measure(child, known, open_)
        size += child_size
        height = max(height, 1 + child_height)
        if size > LARGEST:
            raise BadShape(line + 1, f"more than {LARGEST} values, by its aliases")
        if height > DEEPEST + 1:
            raise _too_deep(line)
    open_.discard(id(node))
    known[id(node)] = size, height
    return size, height


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _too_deep(line: int) -> BadShape:
    return BadShape(line + 1, f"more than {DEEPEST} values inside each other")
