"""Every key: the one table behind the footer, the help, the command palette and the README."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from textual.binding import Binding


class Scope(Enum):
    """Where a key works. The value is what the help calls it."""

    EVERYWHERE = "everywhere"
    OVERVIEW = "Overview"
    TRAFFIC = "Traffic"
    DETAIL = "a request"


# As Textual spells it: a list of anything else is another type.
Bindings: TypeAlias = list[Binding | tuple[str, str] | tuple[str, str, str]]


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
            "escape": "esc",
        }
        return " ".join(names.get(key, key) for key in self.keys.split(","))


KEYS = (
    Key(
        "nav.overview",
        "1",
        "show('overview')",
        "Overview",
        "show the Overview",
        Scope.EVERYWHERE,
        footer=False,
    ),
    Key(
        "nav.traffic",
        "2",
        "show('traffic')",
        "Traffic",
        "show the requests as they come",
        Scope.EVERYWHERE,
        footer=False,
    ),
    Key(
        "view.freeze",
        "space",
        "freeze",
        "freeze",
        "stop the picture, not the counting; again to go on",
        Scope.EVERYWHERE,
    ),
    Key(
        "view.window",
        "w",
        "window",
        "window",
        "10 s, 1 m, 5 m or all: which requests the numbers are about",
        Scope.EVERYWHERE,
    ),
    Key(
        "traffic.start",
        "g",
        "start_traffic",
        "traffic",
        "start traffic, as `make traffic` does",
        Scope.EVERYWHERE,
        changes=True,
    ),
    Key(
        "app.commands",
        "colon",
        "command_palette",
        "commands",
        "find a command by its name",
        Scope.EVERYWHERE,
    ),
    Key(
        "app.help", "question_mark", "help", "help", "every key and what it does", Scope.EVERYWHERE
    ),
    Key("app.quit", "q", "quit", "quit", "leave; the stack goes on", Scope.EVERYWHERE),
    Key("row.up", "up,k", "move(-1)", "up", "choose the row above", Scope.OVERVIEW, footer=False),
    Key(
        "row.down",
        "down,j",
        "move(1)",
        "down",
        "choose the row below",
        Scope.OVERVIEW,
        footer=False,
    ),
    Key(
        "row.open",
        "enter",
        "open",
        "requests",
        "the requests of the chosen instance",
        Scope.OVERVIEW,
    ),
    Key(
        "list.filter",
        "slash",
        "filter",
        "filter",
        "type a filter, for example status>=400 inst:v2 user:admin",
        Scope.TRAFFIC,
    ),
    Key("list.open", "enter", "open", "open", "the chosen request in full", Scope.TRAFFIC),
    Key("list.up", "up,k", "move(-1)", "up", "the request above", Scope.TRAFFIC, footer=False),
    Key("list.down", "down,j", "move(1)", "down", "the request below", Scope.TRAFFIC, footer=False),
    Key(
        "list.latest",
        "home,l",
        "latest",
        "latest",
        "follow the latest request again",
        Scope.TRAFFIC,
        footer=False,
    ),
    Key(
        "list.status",
        "s",
        "drill('status')",
        "by status",
        "only requests with the status of the chosen one",
        Scope.TRAFFIC,
        footer=False,
    ),
    Key(
        "list.instance",
        "i",
        "drill('inst')",
        "by instance",
        "only requests of the instance of the chosen one",
        Scope.TRAFFIC,
        footer=False,
    ),
    Key(
        "list.user",
        "u",
        "drill('user')",
        "by user",
        "only requests of the user of the chosen one",
        Scope.TRAFFIC,
        footer=False,
    ),
    Key(
        "list.curl",
        "c",
        "copy('curl')",
        "copy curl",
        "copy the chosen request as a curl command",
        Scope.TRAFFIC,
    ),
    Key(
        "list.json",
        "y",
        "copy('json')",
        "copy json",
        "copy the log line of the chosen request as JSON",
        Scope.TRAFFIC,
        footer=False,
    ),
    Key("list.clear", "escape", "clear", "clear", "take the filter away", Scope.TRAFFIC),
    Key(
        "detail.curl",
        "c",
        "copy('curl')",
        "copy curl",
        "copy the request as a curl command",
        Scope.DETAIL,
    ),
    Key("detail.json", "y", "copy('json')", "copy json", "copy the log line as JSON", Scope.DETAIL),
    Key("detail.close", "escape,enter", "close", "back", "back to the list", Scope.DETAIL),
)


def bindings(scope: Scope) -> Bindings:
    """The keys of one place, as Textual wants them. A long name of a key is shown as a sign."""
    return [
        Binding(
            key.keys,
            key.action,
            key.label,
            show=key.footer,
            key_display=key.shown.split()[0],
            tooltip=key.help,
            id=key.id,
        )
        for key in KEYS
        if key.scope is scope
    ]


def markdown_table() -> str:
    """The keys as a table for the README."""
    rows = [f"| {key.scope.value} | `{key.shown}` | {key.help} |" for key in KEYS]
    return "\n".join(["| where | key | what it does |", "| --- | --- | --- |", *rows]) + "\n"
