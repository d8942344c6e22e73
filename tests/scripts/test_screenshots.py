"""The pictures of the README are those that the program draws."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.screenshots import PICTURES, Picture, draw

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.picture
@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize("picture", PICTURES, ids=[picture.file for picture in PICTURES])
def test_a_picture_is_what_is_drawn(picture: Picture) -> None:
    committed = (ROOT / "docs" / picture.file).read_text(encoding="utf-8")
    assert draw(picture) == committed, "run python -m scripts.screenshots"


def test_the_readme_shows_each() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for picture in PICTURES:
        assert f"](docs/{picture.file})" in readme
