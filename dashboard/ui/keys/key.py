"""What a key is, and where it works."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Scope(Enum):
    """Where a key works. The value is what the help calls it."""

    EVERYWHERE = "everywhere"
    OVERVIEW = "Overview"
    TRAFFIC = "Traffic"
    DETAIL = "a request"
    AB = "A/B"
    LABELLING = "labelling"
    RATE_LIMIT = "Rate limit"
    CHECKS = "Checks"
    PROCESSES = "Processes"
    ROLLOUT = "Rollout"
    DECISION = "a decision"
    CONFIRM = "a question"
    WEIGHT = "a weight"

    @property
    def mode(self) -> str:
        """The screen with these keys, as Textual calls it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Key:
    """One key and what it does."""

    id: str
    """Stable: `--key ID=KEY` gives it another key."""
    keys: str
    """As Textual names them, separated by commas."""
    action: str
    label: str
    """One or two words, for the footer."""
    help: str
    """A sentence, for the help and the palette."""
    scope: Scope
    footer: bool = True
    changes: bool = False
    """Whether it changes the stack, which --read-only forbids."""

    @property
    def shown(self) -> str:
        """The key as people write it."""
        names = {
            "question_mark": "?",
            "colon": ":",
            "slash": "/",
            "full_stop": ".",
            "plus": "+",
            "minus": "-",
            "escape": "esc",
        }
        return " ".join(names.get(key, key) for key in self.keys.split(","))
