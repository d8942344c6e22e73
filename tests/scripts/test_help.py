"""What every command says of itself with `--help`."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("dashboard", "gateway", "probes", "rollout", "scripts", "services")


class _Made(Exception):
    """The parser that a command has made."""


def modules() -> list[str]:
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    return sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in found
        if "argparse.ArgumentParser(" in path.read_text(encoding="utf-8")
    )


def parser_of(module: str, monkeypatch: pytest.MonkeyPatch) -> argparse.ArgumentParser:
    made: list[argparse.ArgumentParser] = []

    def keep(self: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        made.append(self)
        raise _Made

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", keep)
    main = importlib.import_module(module).main
    with pytest.raises(_Made):
        # Some take the environment, too.
        main([], *([{}] if module == "services.gen_model" else []))
    return made[0]


def every_action(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for name, verb in action.choices.items():
                assert verb.description, name
                yield from every_action(verb)


@pytest.mark.parametrize("module", modules())
def test_each_option_is_explained(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parser = parser_of(module, monkeypatch)
    for action in every_action(parser):
        if not isinstance(action, argparse._SubParsersAction):
            assert action.help, f"{module}: {action.option_strings or action.dest}"
    # A text for those who read the code, with its names of files and its lists, is none for these.
    assert parser.description
    assert "`" not in parser.description.partition(" ")[0]
    assert "\n" not in parser.description
    assert "schema.json" not in parser.description
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, parser.format_help().splitlines())) <= 80
