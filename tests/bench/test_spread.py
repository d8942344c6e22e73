import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.spread import Spread, interleaved, markdown_table, ratios, spread


def test_of_several_rounds_the_median_and_the_range_are_kept() -> None:
    assert spread([3.0, 1.0, 10.0]) == Spread(3.0, 1.0, 10.0)


def test_of_an_even_number_the_median_lies_between_the_middle_two() -> None:
    assert spread([4.0, 1.0, 2.0, 9.0]).median == 3.0


def test_nothing_measured_is_no_figure() -> None:
    with pytest.raises(ValueError, match="no values"):
        spread([])


def test_the_text_has_separators_and_the_asked_digits() -> None:
    assert Spread(12345.6, 1.25, 99999.0).text() == "12,346 (1..99,999)"
    assert Spread(12.34, 1.0, 20.0).text(1) == "12.3 (1.0..20.0)"


def test_ratios_are_taken_round_by_round() -> None:
    # The second round was slow for both: the ratio of the medians would be 10 / 2.
    assert ratios([20.0, 5.0, 10.0], [2.0, 0.5, 2.0]) == Spread(10.0, 5.0, 10.0)


def test_rounds_that_do_not_pair_up_are_refused() -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        ratios([1.0, 2.0], [1.0])


@given(names=st.lists(st.text(), unique=True, min_size=1), rounds=st.integers(1, 20))
def test_every_round_has_every_name_once(names: list[str], rounds: int) -> None:
    order = interleaved(names, rounds)
    assert len(order) == rounds
    assert all(sorted(turn) == sorted(names) for turn in order)


def test_the_first_one_changes_from_round_to_round() -> None:
    assert interleaved(["a", "b", "c"], 4) == [
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["c", "a", "b"],
        ["a", "b", "c"],
    ]


def test_a_table_is_aligned() -> None:
    assert markdown_table(["name", "x"], [["longer", "1"], ["b", "22222"]]) == (
        "| name   | x     |\n|--------|-------|\n| longer | 1     |\n| b      | 22222 |"
    )


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="more or fewer cells"):
        markdown_table(["a", "b"], [["only one"]])
