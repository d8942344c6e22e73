"""Reads YAML without losing where a value stands, so that messages can name the line."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gateway.errors import ConfigurationError, Place
from gateway.ports import parse_port
from gateway.regular_file import read_regular
from gateway.yaml_shape import BadShape, check_depth, check_size

_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_TIMESTAMP = f"{_TAG}timestamp"
# The C parser is ten times as fast; PyYAML may be built without it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of a YAML file: a mapping, a list or a scalar."""

    file: str
    node: yaml.Node
    error: type[ConfigurationError]
    """What a value of the wrong shape raises."""

    @property
    def place(self) -> Place:
        """The line on which the value starts."""
        return Place(self.file, self.node.start_mark.line + 1)

    @property
    def lines(self) -> range:
        """The line numbers, from 1, that the value covers."""
        end = self.node.end_mark
        return range(self.node.start_mark.line + 1, end.line + 1 + (end.column > 0))

    def entries(self) -> "dict[str, Entry]":
        """The members of a mapping, `<<` merges applied. Raises for any other shape."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error(self.place, "expected a mapping (key: value)", "correct this entry")
        own: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        for key, value in self.node.value:
            child = Entry(self.file, value, self.error)
            if key.tag == _MERGE:
                parents = child.items() if isinstance(value, yaml.SequenceNode) else [child]
                for parent in parents:
                    # The first parent that has a key wins (YAML merge key specification).
                    merged = parent.entries() | merged
                continue
            name = Entry(self.file, key, self.error).text()
            if name in own:
                place = Entry(self.file, key, self.error).place
                raise self.error(place, f"{name} stands here a second time", "remove one of them")
            own[name] = child
        return merged | own

    def items(self) -> "list[Entry]":
        """The members of a list. Raises for any other shape."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error(self.place, "expected a list", "correct this entry")
        return [Entry(self.file, node, self.error) for node in self.node.value]

    def text(self) -> str:
        """A scalar as it is written. Raises for any other shape."""
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.error(self.place, "expected one value", "correct this entry")
        return str(self.node.value)

    def get(self, key: str) -> "Entry | None":
        """A member of a mapping, None when it is absent or empty."""
        found = self.entries().get(key)
        if found is None or found.node.tag == f"{_TAG}null":
            return None
        return found

    def require(self, key: str) -> "Entry":
        """A member of a mapping. Raises when it is absent or empty."""
        found = self.get(key)
        if found is None:
            raise self.error(self.place, f"`{key}` is missing here", f"add `{key}:`")
        return found

    def port(self) -> int:
        """A TCP port. Raises for anything else."""
        text = self.text()
        port = parse_port(text)
        if port is None:
            raise self.error(self.place, f"{text!r} is not a port", "give a number from 1 to 65535")
        return port

    def plain(self) -> Any:
        """The value as JSON would have it (dict, list, str, int, float, bool, None).

        A date is the text that is written. Raises for anything that JSON does not have.
        """
        if isinstance(self.node, yaml.ScalarNode):
            return self._scalar()
        if self.node.tag == f"{_TAG}map":
            return {key: value.plain() for key, value in self.entries().items()}
        if self.node.tag == f"{_TAG}seq":
            return [item.plain() for item in self.items()]
        raise self._no_json()

    def _scalar(self) -> str | int | float | bool | None:
        if self.node.tag == _TIMESTAMP:
            return self.text()
        loader: Any = yaml.SafeLoader("")  # older stubs do not know what is called here
        try:
            value = loader.construct_object(self.node)
            # Also refuses an integer that is too long to be written again.
            if isinstance(value, str | bool | None) or math.isfinite(value):
                return value  # type: ignore[no-any-return]
        # As its constructors do where a value is not what its tag says.
        except (yaml.YAMLError, ValueError, OverflowError, LookupError, TypeError, AttributeError):
            pass
        raise self._no_json()

    def _no_json(self) -> ConfigurationError:
        fix = "write text in quotes, a number, true, false or null"
        return self.error(self.place, "a value that JSON does not have", fix)


def _malformed(
    file: str, error: yaml.YAMLError, kind: type[ConfigurationError]
) -> ConfigurationError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = Place(file, mark.line + 1) if mark is not None else Place(file)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    return kind(place, f"not valid YAML ({problem})", "correct this line")


def read_yaml(root: Path, file: str, error: type[ConfigurationError]) -> Entry:
    """The top of `root/file`. Raises `error` when it is missing, empty, not YAML or a trap.

    A trap is nested without end or, by aliases, far larger than it looks: whoever walks it may
    rely on a depth and a size that are bounded.
    """
    try:
        text = read_regular(root / file, _MOST_BYTES).decode("utf-8")
        check_depth(yaml.parse(text, Loader=_Loader))
        node = yaml.compose(text, Loader=_Loader)
        if node is not None:
            check_size(node)
    except (OSError, UnicodeDecodeError) as cause:
        reason = cause.strerror if isinstance(cause, OSError) else str(cause)
        raise error(Place(file), f"cannot be read ({reason})", "restore the file") from None
    except yaml.YAMLError as cause:
        raise _malformed(file, cause, error) from None
    except BadShape as cause:
        raise error(Place(file, cause.line), cause.problem, "write it flatter") from None
    if node is None:
        raise error(Place(file), "is empty", "restore the file")
    return Entry(file, node, error)
