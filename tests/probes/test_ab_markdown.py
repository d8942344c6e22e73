"""The Markdown of an A/B run: whatever a text holds, it makes nothing but text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from probes.ab_report import markdown
from tests.dashboard.hostile_world import World
from tests.torture import SENTENCES

# It comes with Textual, and makes links of bare addresses as GitHub does.
_MARKDOWN = MarkdownIt("gfm-like")
INJECTIONS = {
    "a heading": "\n# heading\n",
    "another heading": "\nheading\n===\n",
    "a row": " | cell |\n| cell | cell | cell | cell |\n",
    "a cell": "x | y",
    "an escaped cell": "x \\| y",
    "the end of a row": "\\",
    "a link": "[text](https://evil.example)",
    "a link by name": "[text][1]\n\n[1]: https://evil.example\n",
    "an address": "see https://evil.example/?a=b&c=d, http://evil.example or HTTPS://evil.example",
    "a host": "www.example.com WWW.example.com example.com",
    "mail": "mallory@evil.example mailto:mallory@evil.example xmpp:mallory@evil.example",
    "an address in angles": "<https://evil.example> <mallory@evil.example>",
    "an image": "![x](https://evil.example/x.png)",
    "HTML": '<img src="https://evil.example/x.png"><script>alert(1)</script><!-- -->',
    "an entity": "&lt;script&gt; &#60;b&#62;",
    "code": "`a` ``b`` ```\ncode\n```",
    "emphasis": "*a* **b** _c_ __d__ ~~e~~",
    "a list": "\n- a\n1. b\n+ c\n",
    "a quotation": "\n> q\n",
    "a line across": "\n---\n***\n",
    "indented": "\n\n    code\n",
    "a note": "[^1]\n\n[^1]: note\n",
    "somebody": "@mallory #1",
}


def kinds(tokens: Sequence[Token]) -> Iterator[str]:
    """What the text is made of, but for its words."""
    for token in tokens:
        if token.type == "inline":
            yield from kinds(token.children or ())
        elif token.type != "text":
            yield f"{token.type} {token.tag} {token.attrs}"


def structure(text: str) -> list[list[str]]:
    """Of the reports of two runs in which every text has `text` at its ends."""
    world = World(text)
    found = [run.result(1.0, world.bad("x")) for run in (world.run, world.labelled)]
    return [list(kinds(_MARKDOWN.parse(markdown(result)))) for result in found]


_PLAIN = structure("")
_HARMLESS_HERE = {
    "a cell",
    "an escaped cell",
    "the end of a row",
    "an entity",
    "a note",
    "somebody",
}
"""In a cell, for this reader."""


def test_the_reader_knows_all_of_this() -> None:
    """Else nothing of it would show."""
    plain = list(kinds(_MARKDOWN.parse("| a | b |\n| --- | --- |\n| x | y |\n")))
    for name in INJECTIONS.keys() - _HARMLESS_HERE:
        text = f"| a | b |\n| --- | --- |\n| {INJECTIONS[name]} | y |\n"
        assert list(kinds(_MARKDOWN.parse(text))) != plain, name


@pytest.mark.parametrize("text", INJECTIONS.values(), ids=INJECTIONS)
def test_nothing_can_be_injected(text: str) -> None:
    assert structure(text) == _PLAIN


@pytest.mark.parametrize("text", SENTENCES.values(), ids=SENTENCES)
def test_no_torture_does_either(text: str) -> None:
    assert structure(text[:150]) == _PLAIN


parts = st.lists(st.sampled_from([*INJECTIONS.values(), *"\\`*_[]<>|#~&!()@:.\n", "www.", "://"]))


@settings(max_examples=40)
@given(parts)
def test_nor_do_parts_of_it(chosen: list[str]) -> None:
    assert structure("".join(chosen)) == _PLAIN
