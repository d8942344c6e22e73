"""The keys of the Overview."""

from dashboard.ui.keys.key import Key, Scope

KEYS = (
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
)
