"""The keys of the Checks screen."""

from dashboard.ui.keys.key import Key, Scope

KEYS = (
    Key("checks.run", "t", "run_test", "test all", "run every check", Scope.CHECKS, changes=True),
    Key(
        "checks.again",
        "enter,r",
        "run_chosen",
        "test this",
        "run the chosen check alone",
        Scope.CHECKS,
        changes=True,
    ),
    Key(
        "checks.stop",
        "full_stop",
        "stop_test",
        "stop",
        "stop after the present check",
        Scope.CHECKS,
        changes=True,
    ),
    Key("checks.up", "up,k", "move(-1)", "up", "the check above", Scope.CHECKS, footer=False),
    Key("checks.down", "down,j", "move(1)", "down", "the check below", Scope.CHECKS, footer=False),
    Key(
        "checks.copy",
        "c",
        "copy_command",
        "copy command",
        "copy the command that shows the chosen check",
        Scope.CHECKS,
    ),
)
