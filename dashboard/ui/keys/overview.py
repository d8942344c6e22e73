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
    Key(
        "canary.weight",
        "c",
        "weigh",
        "canary",
        "give the second version a share of the users; 0 ends the canary and the shadow",
        Scope.OVERVIEW,
        changes=True,
    ),
    Key(
        "instance.drain",
        "d",
        "drain",
        "drain",
        "no new requests to the chosen instance, or again; asks first",
        Scope.OVERVIEW,
        changes=True,
    ),
)
