"""Every relative link of the documentation points to a file, and to a heading, that exists."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
# What is shown as it is written holds no links: blocks, and words in backticks.
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (?P<text>.+)$", re.MULTILINE)


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    found: Counter[str] = Counter()
    for heading in HEADING.finditer(text):
        shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading["text"])
        found[re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")] += 1
    # The second of the same name ends with -1.
    again = {f"{name}-{number}" for name, count in found.items() for number in range(1, count)}
    return frozenset(found) | again


def broken(page: Path, text: str) -> list[str]:
    """The links of a page's text that lead nowhere."""
    wrong = []
    for link in LINK.finditer(CODE.sub("", text)):
        target = link["target"]
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        if not file.exists() or (anchor and (file.is_dir() or anchor not in anchors(file))):
            wrong.append(target)
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page, page.read_text(encoding="utf-8")) == []


def test_a_broken_link_is_found() -> None:
    text = "[a](nowhere.md) [b](#nothing) [c](SECURITY.md#nothing) [d](README.md) `[e](no.md)`"
    assert broken(ROOT / "README.md", text) == ["nowhere.md", "#nothing", "SECURITY.md#nothing"]


def test_every_page_is_linked_from_another_one() -> None:
    linked = set()
    for page in PAGES:
        for link in LINK.finditer(CODE.sub("", page.read_text(encoding="utf-8"))):
            linked.add((page.parent / link["target"].partition("#")[0]).resolve())
    pages = {page.resolve() for page in PAGES} - {ROOT / "README.md"}
    roots = {ROOT / "CHANGELOG.md"}  # found beside README, by their names
    assert sorted(pages - linked - roots) == []
