import pytest

from bench.errors import BenchError
from bench.load import Outcome, parse

RESULT = (
    'RESULT {"requests":12000,"duration_us":4000000,"p50_us":800,"p99_us":2500,'
    '"refused":%d,"broken":%d,"timed_out":%d}\n'
)


def test_the_result_is_read_out_of_the_words_around_it() -> None:
    output = "Running 4s test\n  12000 requests in 4.00s\n" + RESULT % (0, 0, 0) + "Transfer/sec\n"
    outcome = parse(output)
    assert outcome == Outcome(requests=12000, seconds=4.0, p50_ms=0.8, p99_ms=2.5, errors=0)
    assert outcome.per_second == 3000.0


def test_every_kind_of_failure_counts_as_an_error() -> None:
    assert parse(RESULT % (1, 20, 300)).errors == 321


def test_without_a_result_nothing_is_made_up() -> None:
    with pytest.raises(BenchError, match="no result"):
        parse("Running 4s test\n")


def test_a_run_without_any_answer_is_no_figure() -> None:
    with pytest.raises(BenchError, match="no answer"):
        parse((RESULT % (0, 24, 0)).replace("12000", "0"))
