"""The keys of the line in which a weight is typed."""

from dashboard.ui.keys.key import Key, Scope

KEYS = (
    Key("weight.set", "enter", "submit", "set", "do it", Scope.WEIGHT),
    Key("weight.cancel", "escape", "cancel", "cancel", "leave all as it is", Scope.WEIGHT),
)
