"""The recorded session of the README: real commands, and a picture that is made of it."""

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

from scripts.session import CAST, COMMANDS, PICTURE, cast, read_cast
from scripts.session_picture import PROMPT, Output, picture

README = Path("README.md").read_text()


def test_the_picture_is_made_of_the_recording() -> None:
    recorded = read_cast(CAST.read_text())
    assert cast(recorded) == CAST.read_text()
    assert PICTURE.read_text() == picture(recorded), "run python -m scripts.session"


def test_it_shows_commands_of_the_readme() -> None:
    recorded = [each.text for each in read_cast(CAST.read_text())]
    typed = [after.strip() for before, after in pairwise(recorded) if before == PROMPT]
    assert typed == [*COMMANDS]
    assert [command for command in COMMANDS if f"\n$ {command}\n" not in README] == []


def test_progress_is_shown_as_it_ended_and_nothing_is_markup() -> None:
    outputs = [
        Output(0.0, "$ "),
        Output(1.0, "a <b> & c\r\n"),
        Output(2.0, "10 %\r"),
        Output(3.0, "20 %\x1b[K\r\n"),
        *(Output(4.0 + n, f"line {n}\r\n") for n in range(40)),
    ]
    root = ElementTree.fromstring(picture(outputs))  # noqa: S314 - ours
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[:2] == ["$ a <b> & c", "20 %"]
    assert texts[2:] == [f"line {n}" for n in range(40)]
    assert read_cast(cast(outputs)) == outputs
