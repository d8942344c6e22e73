"""The keys of the A/B screen."""

from dashboard.ui.keys.key import Key, Scope

KEYS = (
    Key("ab.run", "t", "run_test", "test", "run pairs over the corpus", Scope.AB, changes=True),
    Key(
        "ab.stop",
        "full_stop",
        "stop_test",
        "stop",
        "stop the run; what was measured counts",
        Scope.AB,
        changes=True,
    ),
    Key(
        "ab.sentence",
        "slash,i",
        "sentence",
        "sentence",
        "type a sentence and ask both versions",
        Scope.AB,
        changes=True,
    ),
    Key(
        "ab.label",
        "l",
        "label",
        "label",
        "say who is right where the versions disagree, blind",
        Scope.AB,
    ),
    Key("ab.export", "e", "export", "export", "write the run as JSON and as Markdown", Scope.AB),
    Key(
        "ab.more",
        "m,plus",
        "pairs(1)",
        "more",
        "more pairs in the next run",
        Scope.AB,
        footer=False,
        changes=True,
    ),
    Key(
        "ab.fewer",
        "n,minus",
        "pairs(-1)",
        "fewer",
        "fewer pairs in the next run",
        Scope.AB,
        footer=False,
        changes=True,
    ),
    Key(
        "ab.close",
        "escape",
        "close_line",
        "close",
        "close the line in which a sentence is typed",
        Scope.AB,
        footer=False,
    ),
)
