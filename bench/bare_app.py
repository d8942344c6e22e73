"""The least that a Textual program can be: what the dashboard's first picture is held against."""

from textual.app import App, ComposeResult
from textual.widgets import Static


class BareApp(App[None]):
    """One line of text."""

    def compose(self) -> ComposeResult:
        """It."""
        yield Static("bare")


if __name__ == "__main__":
    BareApp().run()
