"""What the command line says about the screens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dashboard.window import Window


@dataclass(frozen=True, slots=True)
class Options:
    """How they are shown, and what they may do."""

    root: Path | None = None
    """The workspace that can be acted upon; None in a replay."""
    read_only: bool = False
    ascii: bool = False
    light: bool = False
    body: str = '{"sentence": "..."}'
    """What a copied curl command sends."""
    keymap: Mapping[str, str] = field(default_factory=dict)
    """Other keys, by the id of the binding."""
    window: Window = Window.MINUTE
