"""The terminal application: one feed, one timer that folds and repaints, one screen in front."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.app import App, SystemCommand
from textual.screen import Screen

from dashboard.actions import start_traffic
from dashboard.events import Marked
from dashboard.feed import Feed
from dashboard.glyphs import ASCII, UNICODE
from dashboard.model import Model
from dashboard.numbers import clock, count, duration
from dashboard.ui.bindings import KEYS, Scope, bindings
from dashboard.ui.keymap import keys_with
from dashboard.ui.options import Options
from dashboard.ui.overview import OverviewScreen
from dashboard.ui.screen import DashboardScreen
from dashboard.ui.slow_terminal import is_behind
from dashboard.ui.themes import DARK, LIGHT
from dashboard.window import Window

if TYPE_CHECKING:
    from dashboard.filters import Filter
    from dashboard.jobs.runner import Job, Runner

PERIOD_S = 0.25
"""How often the screen is painted, at most."""
_SOON_S = 0.01


# Loaded when they are first shown: the first picture pays for the Overview alone.
def _traffic() -> Screen[None]:
    from dashboard.ui.traffic import TrafficScreen

    return TrafficScreen()


def _ab() -> Screen[None]:
    from dashboard.ui.ab import AbScreen

    return AbScreen()


def _rate_limit() -> Screen[None]:
    from dashboard.ui.rate_limit import RateLimitScreen

    return RateLimitScreen()


def _checks() -> Screen[None]:
    from dashboard.ui.checks import ChecksScreen

    return ChecksScreen()


def _processes() -> Screen[None]:
    from dashboard.ui.processes import ProcessesScreen

    return ProcessesScreen()


def _rollout() -> Screen[None]:
    from dashboard.ui.rollout import RolloutScreen

    return RolloutScreen()


@dataclass(frozen=True, slots=True)
class _Frozen:
    model: Model
    at: float


class DashboardApp(App[None]):
    """Shows a feed until it is told to quit."""

    TITLE = "Switchyard"
    ENABLE_COMMAND_PALETTE = True
    MODES: ClassVar[dict[str, Any]] = {
        "overview": OverviewScreen,
        "traffic": _traffic,
        "ab": _ab,
        "rate_limit": _rate_limit,
        "checks": _checks,
        "processes": _processes,
        "rollout": _rollout,
    }
    DEFAULT_MODE = "overview"
    BINDINGS = bindings(Scope.EVERYWHERE)
    CSS = """
    Screen { background: $background; }
    Footer { background: $panel; }
    """

    def __init__(self, feed: Feed, options: Options) -> None:
        super().__init__()
        self.feed = feed
        self.options = options
        self.window = options.window
        self.glyphs = ASCII if options.ascii else UNICODE
        self.body = options.body
        self._frozen: _Frozen | None = None
        self._runner: Runner | None = None
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = LIGHT.name if options.light else DARK.name
        self.set_keymap(dict(options.keymap))

    @property
    def root(self) -> Path | None:
        """The workspace that can be acted upon; None in a replay."""
        return self.options.root

    @property
    def shown(self) -> tuple[Model, float]:
        """The model on the screen and the time it is about: frozen, or now."""
        if self._frozen is not None:
            return self._frozen.model, self._frozen.at
        return self.feed.model, self.feed.now()

    @property
    def frozen(self) -> bool:
        """Whether the picture stands still."""
        return self._frozen is not None

    def state_words(self, now: float) -> str:
        """What stands at the right end: the window, and whether this is the present."""
        window = f"window {self.window.label}"
        marked = self.shown[0].marked_at
        if marked is not None and self.window is Window.ALL:
            window = f"since {clock(marked, fraction=False)}"
        if self._frozen is None:
            return f"{window}  {self.glyphs.live} {self.feed.label} "
        waiting = self.feed.model.hits - self._frozen.model.hits
        since = duration(max(0.0, self.feed.now() - now))
        return f"{window}  {self.glyphs.frozen} FROZEN {since}, {count(waiting)} waiting "

    def on_mount(self) -> None:
        """Begin to fold and to paint."""
        self.set_interval(PERIOD_S, self.tick)
        self.set_timer(_SOON_S, self._start)

    def _start(self) -> None:
        # After the first picture: reading a long log would only delay it.
        self.feed.start()
        self.tick()

    def on_unmount(self) -> None:
        """Leave nothing running."""
        if self._runner is not None:
            self._runner.close()
        self.feed.stop()

    def tick(self) -> None:
        """Fold what has come, and paint it once."""
        if self.feed.advance():
            # A long log: go on with it soon, but let keys be answered in between.
            self.set_timer(_SOON_S, self._catch_up)
        # What a key changes is painted at once all the same.
        if not is_behind(self._driver):
            self.repaint()

    def repaint(self) -> None:
        """Draw the screen in front; those behind it, or below a dialog, are left alone."""
        # The clock still ticks while the screens are closed at the end: there is none to draw.
        if not self.is_running:
            return
        if isinstance(self.screen, DashboardScreen) and self.screen.can_paint:
            self.screen.repaint()

    def _catch_up(self) -> None:
        if self.feed.advance():
            self.set_timer(_SOON_S, self._catch_up)

    def may(self, action: str) -> bool:
        """Whether this action is allowed: read-only and a replay change nothing."""
        changes = {_name(key.action) for key in KEYS if key.changes}
        allowed = not self.options.read_only and self.options.root is not None
        return allowed or _name(action) not in changes

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide what may not be done here."""
        return self.may(action) and super().check_action(action, parameters)

    def run_job(self, job: Job) -> bool:
        """Begin a test; if one runs already, say so. Whether it has begun."""
        from dashboard.jobs.runner import Runner

        if self._runner is None:
            self._runner = Runner(self.feed.post, self.feed.now)
        if problem := self._runner.start(job):
            self.notify(problem, severity="warning", markup=False)
            return False
        self.tick()
        return True

    def stop_job(self) -> None:
        """Ask the test that runs to end."""
        if self._runner is None or self._runner.running is None:
            self.notify("no test is running", timeout=2)
        else:
            self._runner.stop()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: the same table as the footer and the help."""
        modes = {Scope.EVERYWHERE.mode, self.current_mode}
        for key in keys_with(self.options.keymap):
            if key.scope.mode not in modes or key.id == "app.commands" or not self.may(key.action):
                continue
            namespace = self if key.scope is Scope.EVERYWHERE else screen
            yield SystemCommand(
                key.label,
                f"{key.help}  ({key.shown})",
                lambda action=key.action, on=namespace: self.call_later(
                    self.run_action, action, on
                ),
            )
        yield SystemCommand("theme", "choose other colours", self.action_change_theme)

    async def action_show(self, mode: str) -> None:
        """Bring a screen to the front."""
        if isinstance(self.screen, DashboardScreen) and self.current_mode != mode:
            await self.switch_mode(mode)

    def show_traffic(self, wanted: Filter) -> None:
        """The Traffic screen with a filter."""
        from dashboard.ui.traffic import TrafficScreen

        async def show() -> None:
            await self.switch_mode("traffic")
            if isinstance(self.screen, TrafficScreen):
                self.screen.set_filter(wanted)

        self.call_later(show)

    def action_freeze(self) -> None:
        """Hold the picture, or let it go on; counting never stops."""
        if self._frozen is None:
            self._frozen = _Frozen(self.feed.model.copy(), self.feed.now())
        else:
            self._frozen = None
        self.repaint()

    def action_window(self) -> None:
        """The next window."""
        self.window = self.window.next
        self.repaint()

    def action_mark(self) -> None:
        """Count from now on; once more, and all counts again."""
        on = self.feed.model.marked_at is None
        self.feed.post(Marked(self.feed.now(), on))
        self.window = Window.ALL
        if not on:
            self.notify("counting from the start of the log again", timeout=2)
        self.tick()

    def action_help(self) -> None:
        """Show every key."""
        from dashboard.ui.help import HelpScreen

        here = next(scope for scope in Scope if scope.mode == self.current_mode)
        self.push_screen(HelpScreen(keys_with(self.options.keymap), here))

    def action_start_traffic(self) -> None:
        """Start traffic in the background."""
        if self.options.root is not None:
            self.notify("starting traffic")
            self._start_traffic(self.options.root)

    @work(thread=True, exclusive=True, exit_on_error=False, group="traffic")
    def _start_traffic(self, root: Path) -> None:
        ok, words = start_traffic(root)
        severity = "information" if ok else "error"
        self.call_from_thread(self.notify, words, severity=severity, markup=False)

    def copy(self, text: str, what: str) -> None:
        """To the clipboard of the terminal (OSC 52)."""
        self.copy_to_clipboard(text)
        self.notify(f"{what} copied", timeout=2)


def _name(action: str) -> str:
    """Without its arguments."""
    return action.partition("(")[0]
