"""Reads YAML without losing where a value stands, so that messages can name the line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gateway.errors import ConfigurationError, Place
from gateway.ports import parse_port

_MERGE = "tag:yaml.org,2002:merge"
# The C parser is ten times as fast; PyYAML may be built without it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
        if found is None or found.node.tag == "tag:yaml.org,2002:null":
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
        """The value as Python objects (dict, list, str, int, float, bool, None)."""
        loader: Any = yaml.SafeLoader("")  # older stubs do not know what is called here
        try:
            return loader.construct_document(self.node)
        except yaml.YAMLError as error:
            raise _malformed(self.file, error, self.error) from None


def _malformed(
    file: str, error: yaml.YAMLError, kind: type[ConfigurationError]
) -> ConfigurationError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = Place(file, mark.line + 1) if mark is not None else Place(file)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    return kind(place, f"not valid YAML ({problem})", "correct this line")


def read_yaml(root: Path, file: str, error: type[ConfigurationError]) -> Entry:
    """The top of `root/file`. Raises `error` when it is missing, empty or not YAML."""
    try:
        node = yaml.compose((root / file).read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError) as cause:
        reason = cause.strerror if isinstance(cause, OSError) else str(cause)
        raise error(Place(file), f"cannot be read ({reason})", "restore the file") from None
    except yaml.YAMLError as cause:
        raise _malformed(file, cause, error) from None
    if node is None:
        raise error(Place(file), "is empty", "restore the file")
    return Entry(file, node, error)
