"""The keys of one request in full."""

from dashboard.ui.keys.key import Key, Scope

KEYS = (
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
