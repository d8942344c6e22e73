"""The keys of the Rate limit screen."""

from dashboard.ui.keys.key import Key, Scope

KEYS = (
    Key(
        "limit.run",
        "t",
        "run_test",
        "test",
        "send the requests of the plan",
        Scope.RATE_LIMIT,
        changes=True,
    ),
    Key("limit.more", "up,k", "requests(1)", "more", "more requests", Scope.RATE_LIMIT),
    Key(
        "limit.fewer",
        "down,j",
        "requests(-1)",
        "fewer",
        "fewer requests",
        Scope.RATE_LIMIT,
        footer=False,
    ),
    Key(
        "limit.faster",
        "right,l",
        "rate(1)",
        "faster",
        "send them faster; the fastest is all at once",
        Scope.RATE_LIMIT,
    ),
    Key(
        "limit.slower",
        "left,h",
        "rate(-1)",
        "slower",
        "send them slower",
        Scope.RATE_LIMIT,
        footer=False,
    ),
    Key(
        "limit.copy",
        "c",
        "copy_command",
        "copy command",
        "copy the shell command that sends the same",
        Scope.RATE_LIMIT,
    ),
    Key(
        "limit.stop",
        "full_stop",
        "stop_test",
        "stop",
        "stop sending",
        Scope.RATE_LIMIT,
        changes=True,
    ),
)
