"""Every key of the Rollout screen, against a mailbox that somebody answers."""

from __future__ import annotations

import getpass
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from textual.pilot import Pilot

from dashboard.jobs import rollout as jobs
from dashboard.ui.ab import AbScreen
from dashboard.ui.app import DashboardApp
from dashboard.ui.confirm import ConfirmScreen
from dashboard.ui.decision import DecisionScreen
from dashboard.ui.rollout import RolloutScreen
from gateway.supervisor import SupervisorUnreachable
from rollout import mailbox
from rollout.decide import begin
from rollout.mailbox import Answer
from rollout.observe import Observations
from rollout.plan import Plan
from rollout.store import FILE, open_store
from tests.dashboard.rollout_story import AT, DECISIONS, FACTS, known
from tests.dashboard.screens import StillFeed, dashboard, picture, press, run, until


@dataclass
class Engine:
    """Answers what is asked in the mailbox of `root`, and keeps it."""

    root: Path
    accepts: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    """The processes that process-compose was told to start."""
    stop: threading.Event = field(default_factory=threading.Event)

    def work(self) -> None:
        while not self.stop.wait(0.01):
            for order in mailbox.take(self.root, time.time()):
                self.asked.append((order.command, order.actor))
                words = "as asked" if self.accepts else "not now: wait"
                mailbox.answer(self.root, order.name, Answer(self.accepts, words))


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    found = Engine(tmp_path)

    class ProcessCompose:
        def __init__(self, socket: Path) -> None:
            assert socket == tmp_path / "var/run/pc.sock"

        def start(self, name: str) -> None:
            found.started.append(name)

    monkeypatch.setattr(jobs, "Supervisor", ProcessCompose)
    thread = threading.Thread(target=found.work)
    thread.start()
    yield found
    found.stop.set()
    thread.join()


def app_of(root: Path | None, name: str, *, read_only: bool = False) -> DashboardApp:
    app = dashboard(root=root, read_only=read_only)
    assert isinstance(app.feed, StillFeed)
    app.feed.at = AT + 1
    app.feed.add(known(name))
    return app


async def open_screen(app: DashboardApp, pilot: Pilot[None], words: str) -> None:
    await press(pilot, "nav.rollout")
    await until(pilot, lambda: isinstance(app.screen, RolloutScreen), "Rollout")
    await until(pilot, lambda: words in picture(app), "the picture")


async def answer(app: DashboardApp, pilot: Pilot[None], asked: str, key: str) -> None:
    await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
    await until(pilot, lambda: asked in picture(app), asked)
    await press(pilot, key)
    await until(pilot, lambda: isinstance(app.screen, RolloutScreen), "Rollout again")


def said(app: DashboardApp, words: str) -> bool:
    return any(words in note.message for note in app._notifications)


@pytest.mark.parametrize(
    ("name", "shown", "key", "question", "command"),
    [
        ("none", "NOT STARTED", "rollout.start", "start a rollout of what v2 serves?", "start"),
        ("step", "step 3 of 5", "rollout.hold", "", "pause"),
        ("hold", "HOLD", "rollout.hold", "", "resume"),
        ("step", "step 3 of 5", "rollout.promote", "go on to 50 % now?", "promote"),
        ("step", "step 3 of 5", "rollout.abort", "abort the rollout?", "abort"),
        ("promoted", "PROMOTED", "rollout.finish", "make v2 the baseline?", "finish"),
    ],
)
def test_each_key_asks_the_engine_in_the_name_of_the_person(
    engine: Engine, name: str, shown: str, key: str, question: str, command: str
) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_screen(app, pilot, shown)
        if question:
            await press(pilot, key)
            await answer(app, pilot, question, "confirm.no")
            assert not engine.asked
        await press(pilot, key)
        if question:
            await answer(app, pilot, question, "confirm.yes")
        await until(pilot, lambda: said(app, f"{command}: as asked"), "the answer")
        assert engine.asked == [(command, getpass.getuser())]

    run(app_of(engine.root, name), test)
    assert engine.started == (["rollout"] if name == "none" else [])


def test_what_the_engine_refuses_is_said(engine: Engine) -> None:
    engine.accepts = False

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_screen(app, pilot, "step 3 of 5")
        await press(pilot, "rollout.hold")
        await until(pilot, lambda: said(app, "pause was refused: not now: wait"), "the refusal")

    run(app_of(engine.root, "step"), test)


def test_s_starts_an_engine_again_that_has_died(engine: Engine) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_screen(app, pilot, "ENGINE DEAD")
        await press(pilot, "rollout.abort")
        await until(pilot, lambda: said(app, "no engine runs to do it: s starts it"), "what to do")
        await press(pilot, "rollout.start")
        await answer(app, pilot, "start the engine again?", "confirm.yes")
        await until(pilot, lambda: said(app, "the engine was started again"), "the start")

    run(app_of(engine.root, "dead"), test)
    assert engine.started == ["rollout"]
    assert not engine.asked


def test_an_engine_that_cannot_be_started_is_said(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone:
        def __init__(self, socket: Path) -> None:
            pass

        def start(self, name: str) -> None:
            raise SupervisorUnreachable("nothing answers: make start-project")

    monkeypatch.setattr(jobs, "Supervisor", Gone)

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_screen(app, pilot, "NOT STARTED")
        await press(pilot, "rollout.start")
        await answer(app, pilot, "start a rollout", "confirm.yes")
        await until(pilot, lambda: said(app, "make start-project"), "the fix")

    run(app_of(engine.root, "none"), test)
    assert not engine.asked


def test_an_engine_that_does_not_answer_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "TIMEOUT_S", 0.05)

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_screen(app, pilot, "step 3 of 5")
        await press(pilot, "rollout.hold")
        await until(pilot, lambda: said(app, "the command was withdrawn"), "what became of it")

    run(app_of(tmp_path, "step"), test)


def test_what_makes_no_sense_is_not_asked(engine: Engine) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_screen(app, pilot, "step 3 of 5")
        await press(pilot, "rollout.finish")
        await until(pilot, lambda: said(app, "only a promoted candidate"), "why not")
        assert isinstance(app.screen, RolloutScreen)

    run(app_of(engine.root, "step"), test)
    assert not engine.asked


def test_what_is_true_counts_not_what_is_frozen(engine: Engine) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_screen(app, pilot, "step 3 of 5")
        await press(pilot, "view.freeze")
        assert isinstance(app.feed, StillFeed)
        app.feed.add(known("hold"))
        await press(pilot, "rollout.hold")
        await until(pilot, lambda: said(app, "resume: as asked"), "the answer")
        assert "inconclusive" not in picture(app)

    run(app_of(engine.root, "step"), test)


def test_a_cursor_goes_over_the_decisions_and_x_explains_one(tmp_path: Path) -> None:
    async def close(app: DashboardApp, pilot: Pilot[None]) -> None:
        await press(pilot, "decision.close")
        await until(pilot, lambda: isinstance(app.screen, RolloutScreen), "Rollout again")

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_screen(app, pilot, "step 3 of 5")
        await press(pilot, "rollout.explain")
        await until(pilot, lambda: "the decision log has no #7" in picture(app), "its absence")
        await close(app, pilot)
        await press(pilot, "decision.down", "decision.down", "decision.up", *["decision.down"] * 9)
        await press(pilot, "rollout.explain")
        await until(pilot, lambda: isinstance(app.screen, DecisionScreen), "the decision")
        assert "#1  start" in picture(app)
        await until(pilot, lambda: "the same decision" in picture(app), "what it came to")
        assert f"candidate {str(FACTS.digest)[:12]}, ready" in " ".join(picture(app).split())
        await close(app, pilot)

    with open_store(tmp_path) as store:
        started = begin(Plan(), FACTS, AT - 1400)
        entry = store.decided(started, Observations(), FACTS, Plan(), AT - 1400, "ada")
        assert entry.seq == DECISIONS[0].seq
    run(app_of(tmp_path, "step"), test)


def test_a_decision_log_that_is_damaged_is_said(tmp_path: Path) -> None:
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).write_text("{}\n{}\n")

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_screen(app, pilot, "step 3 of 5")
        await press(pilot, "rollout.explain")
        await until(pilot, lambda: "damaged" in picture(app), "why not")
        assert "restore the line" in " ".join(picture(app).split())

    run(app_of(tmp_path, "step"), test)


def test_a_click_chooses_a_decision(tmp_path: Path) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_screen(app, pilot, "step 3 of 5")
        line = next(n for n, text in enumerate(picture(app).splitlines()) if text.endswith("#5"))
        await pilot.click("#rollout", offset=(5, line))
        await press(pilot, "rollout.explain")
        await until(pilot, lambda: "1,204 requests answered by both" in picture(app), "#5")
        assert isinstance(app.screen, DecisionScreen)
        assert app.screen.decided.seq == 5

    run(app_of(tmp_path, "step"), test)


def test_without_a_decision_there_is_nothing_to_explain(tmp_path: Path) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_screen(app, pilot, "NOT STARTED")
        await press(pilot, "decision.down", "rollout.explain")
        await until(pilot, lambda: said(app, "there is no decision yet"), "that")

    run(app_of(tmp_path, "none"), test)


def test_o_opens_the_ab_screen(tmp_path: Path) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_screen(app, pilot, "step 3 of 5")
        await press(pilot, "rollout.ab")
        await until(pilot, lambda: isinstance(app.screen, AbScreen), "A/B")

    run(app_of(tmp_path, "step"), test)


CHANGES = ("rollout.start", "rollout.hold", "rollout.promote", "rollout.abort", "rollout.finish")


@pytest.mark.parametrize("read_only", [True, False])
def test_nothing_is_changed_where_it_may_not(engine: Engine, read_only: bool) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_screen(app, pilot, "HOLD")
        await press(pilot, *CHANGES)
        assert isinstance(app.screen, RolloutScreen)
        assert not app.screen.check_action("order", ("abort",))
        assert " do " not in picture(app)
        # What changes nothing is there: in a replay as far as the recording knows it.
        await press(pilot, "rollout.explain")
        await until(pilot, lambda: isinstance(app.screen, DecisionScreen), "the decision")
        await until(pilot, lambda: "HOLD at 25 %" in picture(app), "what is known")

    # Read-only, and a replay, which has no workspace.
    run(app_of(engine.root if read_only else None, "hold", read_only=read_only), test)
    assert not engine.asked
    assert not engine.started
