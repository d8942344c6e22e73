"""docs/benchmarks.md holds what bench/results hold."""

import pytest

from bench.publish import DOCUMENT, published, results

PLACE = "<!-- bench.%s: written by python -m bench.publish -->\nold\n<!-- end -->\n"


def test_the_document_holds_the_results() -> None:
    document = DOCUMENT.read_text()
    assert published(document, results()) == document, "run python -m bench.publish"


def test_a_result_replaces_what_stood_in_its_place_and_nothing_else() -> None:
    document = f"before\n{PLACE % 'stack'}between\n{PLACE % 'service'}after\n"
    text = published(document, {"stack": "\\1 new", "service": "one\n\ntwo"})
    assert text == document.replace("old", "\n\\1 new\n", 1).replace("old", "\none\n\ntwo\n")
    assert published(text, {"stack": "\\1 new", "service": "one\n\ntwo"}) == text


def test_a_result_without_a_place_or_a_place_without_a_result_is_named() -> None:
    with pytest.raises(KeyError, match="no place for soak"):
        published(PLACE % "stack", {"stack": "", "soak": ""})
    with pytest.raises(KeyError, match=r"no stack\.json"):
        published(PLACE % "stack", {})
