"""The keys while a person labels."""

from dashboard.ui.keys.key import Key, Scope

KEYS: tuple[Key, ...] = (
    Key("label.first", "1", "say('1')", "first", "the first answer is right", Scope.LABELLING),
    Key("label.second", "2", "say('2')", "second", "the second answer is right", Scope.LABELLING),
    Key("label.neither", "n", "say('neither')", "neither", "both are wrong", Scope.LABELLING),
    Key("label.skip", "s", "say('skip')", "skip", "you cannot tell", Scope.LABELLING),
    Key(
        "label.close",
        "escape",
        "close",
        "later",
        "back to the test; what was said is kept",
        Scope.LABELLING,
    ),
)
