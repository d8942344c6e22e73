"""The keys of a question that wants a yes."""

from dashboard.ui.keys.key import Key, Scope

KEYS = (
    Key("confirm.yes", "y", "answer(True)", "yes", "do it", Scope.CONFIRM),
    Key("confirm.no", "n,escape", "answer(False)", "no", "leave all as it is", Scope.CONFIRM),
)
