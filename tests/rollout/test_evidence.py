"""The evidence against its oracles (scipy, scikit-learn, enumeration) and in simulation."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rollout import evidence
from rollout.evidence import ALPHA, PRIOR, Direction, SignTest

scipy_special = import_module("scipy.special")
scipy_stats = import_module("scipy.stats")
sklearn_metrics = import_module("sklearn.metrics")

counts = st.integers(0, 3000)
SEED = 20260101
RUNS, LENGTH = 2000, 1000


def played(wins: int, losses: int) -> SignTest:
    test = SignTest.start()
    for win in [True] * wins + [False] * losses:
        test = test.observe(win)
    return test


@given(counts, counts, st.floats(0.5, 200))
def test_the_evidence_is_the_ratio_of_two_beta_functions(w: int, lost: int, prior: float) -> None:
    oracle = scipy_special.betaln(prior + w, prior + lost) - scipy_special.betaln(prior, prior)
    found = evidence.log_e_sign(w, lost, prior)
    assert found == pytest.approx(oracle + (w + lost) * math.log(2), abs=1e-8)
    assert found == pytest.approx(evidence.log_e_sign(lost, w, prior), abs=1e-9)


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_evidence_is_a_martingale_of_fair_observations(w: int, lost: int) -> None:
    won, missed = evidence.log_e_sign(w + 1, lost), evidence.log_e_sign(w, lost + 1)
    after = (evidence.exp(won) + evidence.exp(missed)) / 2
    assert after == pytest.approx(evidence.exp(evidence.log_e_sign(w, lost)), rel=1e-9)


def test_clear_counts_do_not_overflow() -> None:
    assert evidence.log_e_sign(0, 0) == 0
    assert evidence.exp(evidence.log_e_sign(5000, 0)) == math.inf
    assert evidence.log_e_sign(5000, 0) > 3000
    assert evidence.log_e_sign(10**7, 0) < 10**7 * math.log(2)
    for wins, losses, prior in ((-1, 0, 1.0), (0, -1, 1.0), (1, 1, 0.0)):
        with pytest.raises(ValueError, match="not negative"):
            evidence.log_e_sign(wins, losses, prior)


@pytest.mark.parametrize("horizon", [1, 2, 3, 8, 13])
@pytest.mark.parametrize("log_e", [0.0, 0.05, 0.2, 0.5, 1.0])
def test_the_crossing_probability_is_that_of_all_walks(horizon: int, log_e: float) -> None:
    crossed = 0
    for walk in itertools.product((True, False), repeat=horizon):
        heads = itertools.accumulate(walk)
        looks = enumerate(heads, 1)
        crossed += any(evidence.log_e_sign(w, n - w) >= log_e - 1e-12 for n, w in looks)
    assert evidence.crossing_probability(log_e, horizon) == pytest.approx(crossed / 2**horizon)


@pytest.mark.parametrize("horizon", [100, 807, 3000])
def test_the_threshold_spends_alpha_and_no_more(horizon: int) -> None:
    threshold = evidence.log_threshold(horizon)
    assert threshold < math.log(1 / ALPHA) == evidence.log_threshold(None)
    assert evidence.crossing_probability(threshold, horizon) <= ALPHA
    assert evidence.crossing_probability(threshold - 0.03, horizon) > ALPHA
    assert evidence.log_threshold(evidence.MAX_HORIZON + 1) == math.log(1 / ALPHA)
    for alpha in (0.0, 1.0):
        with pytest.raises(ValueError, match="alpha"):
            evidence.log_threshold(horizon, alpha)


def peaks(signs: NDArray[np.bool_], prior: float) -> NDArray[np.float64]:
    """The largest log evidence of each run, looked at after every observation."""
    wins = np.cumsum(signs, axis=1)
    losses: NDArray[np.int64] = np.arange(1, signs.shape[1] + 1) - wins
    log_e = (
        scipy_special.betaln(prior + wins, prior + losses)
        - scipy_special.betaln(prior, prior)
        + (wins + losses) * math.log(2)
    )
    largest: NDArray[np.float64] = log_e.max(axis=1)
    return largest


@pytest.mark.parametrize("horizon", [None, LENGTH])
@pytest.mark.parametrize("prior", [1.0, PRIOR])
def test_peeking_every_time_keeps_alpha(prior: float, horizon: int | None) -> None:
    signs = np.random.default_rng(SEED).random((RUNS, LENGTH)) < 0.5
    threshold = evidence.log_threshold(horizon, ALPHA, prior)
    false = float(np.mean(peaks(signs, prior) >= threshold))
    # Three standard errors of a share of RUNS.
    assert false <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / RUNS)
    assert false > 0.01  # it can find something, so this test can fail


def test_peeking_at_a_fixed_test_does_not() -> None:
    signs = np.random.default_rng(SEED).random((300, LENGTH)) < 0.5
    wins = np.cumsum(signs, axis=1)
    looks = range(9, LENGTH, 10)
    rejected = sum(
        any(evidence.mcnemar_exact(int(w[n]), int(n + 1 - w[n])) <= ALPHA for n in looks)
        for w in wins
    )
    assert rejected / 300 > 0.2


def test_peeking_at_a_latency_at_its_margin_keeps_alpha() -> None:
    draw = np.random.default_rng(SEED)
    runs = 1000
    # Heavy-tailed times whose median ratio is exactly 1.2, heavier than those of a busy machine.
    first, noise = np.exp(draw.normal(size=(runs, 500))), draw.standard_t(3, size=(runs, 500))
    second = first * 1.2 * np.exp(0.3 * noise)
    slower = np.log(second / first) > math.log1p(0.2)
    assert bool(slower[0, 0]) is evidence.is_slower(float(first[0, 0]), float(second[0, 0]), 0.2)
    false = float(np.mean(peaks(slower, PRIOR) >= evidence.log_threshold(500)))
    assert 0.01 < false <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / runs)


def test_a_decision_stays() -> None:
    test = played(60, 0)
    assert test.decision is Direction.WINS
    after = test.decided_after
    assert after is not None
    assert evidence.log_e_sign(after, 0) >= test.log_threshold
    assert evidence.log_e_sign(after - 1, 0) < test.log_threshold
    for _ in range(300):
        test = test.observe(False)
    assert (test.decision, test.decided_after) == (Direction.WINS, after)
    assert test.log_e > test.log_threshold  # the losses are many by now, and change nothing
    assert played(0, 60).decision is Direction.LOSSES


def test_a_test_with_an_end_ends() -> None:
    test = SignTest.start(horizon=2).observe(True).observe(False)
    assert test.decision is None
    with pytest.raises(ValueError, match="planned for 2"):
        test.observe(True)


def test_the_p_value_is_valid_at_any_time() -> None:
    assert SignTest.start().p_value == 1
    assert played(1, 0).p_value == pytest.approx(1)
    assert played(60, 0).p_value == pytest.approx(1 / evidence.exp(evidence.log_e_sign(60, 0)))
    bounded = SignTest.start(horizon=100)
    for _ in range(15):
        bounded = bounded.observe(True)
    assert bounded.p_value == evidence.crossing_probability(bounded.log_e, 100)
    assert bounded.p_value < 1 / evidence.exp(evidence.log_e_sign(15, 0))


@given(counts, counts)
def test_mcnemar_is_the_binomial_test(wins: int, losses: int) -> None:
    oracle = scipy_stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert evidence.mcnemar_exact(wins, losses) == pytest.approx(oracle, rel=1e-8, abs=1e-250)


def test_mcnemar_refuses_negative_counts() -> None:
    with pytest.raises(ValueError, match="not negative"):
        evidence.mcnemar_exact(-1, 3)


@given(st.integers(1, 5000), st.data())
def test_wilson_is_the_score_interval(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    oracle = scipy_stats.binomtest(successes, trials).proportion_ci(method="wilson")
    found = evidence.wilson(successes, trials)
    assert (found.low, found.high) == pytest.approx((oracle.low, oracle.high), abs=1e-9)
    assert 0 <= found.low <= found.estimate <= found.high <= 1


def test_wilson_of_nothing_is_everything() -> None:
    found = evidence.wilson(0, 0)
    assert math.isnan(found.estimate)
    assert (found.low, found.high) == (0, 1)
    with pytest.raises(ValueError, match="successes"):
        evidence.wilson(2, 1)


@pytest.mark.parametrize("count", [1, 5, 6, 7, 50, 51, 1000, 1100, 5000])
def test_the_interval_of_the_median_is_the_inverted_sign_test(count: int) -> None:
    found = evidence.median_interval(list(range(count, 0, -1)))
    rank = int(scipy_stats.binom.ppf(0.025, count, 0.5))
    if scipy_stats.binom.cdf(rank, count, 0.5) > 0.025:
        rank -= 1
    # `rank` values at most may lie below the true median; -1: not even none of them.
    low = -math.inf if rank < 0 else rank + 1
    assert found == evidence.Interval((count + 1) / 2, low, count + 1 - low)


def test_the_median_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        evidence.median_interval([])


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcd")), min_size=1))
def test_agreement_and_kappa(pairs: list[tuple[str, str]]) -> None:
    matrix = Counter(pairs)
    equal = sum(first == second for first, second in pairs)
    assert evidence.agreement(matrix).estimate == pytest.approx(equal / len(pairs))
    found = evidence.cohen_kappa(matrix)
    if found is None:
        assert len(set(itertools.chain(*pairs))) == 1
    else:
        firsts, seconds = zip(*pairs, strict=True)
        assert found == pytest.approx(sklearn_metrics.cohen_kappa_score(firsts, seconds))


def test_kappa_of_nothing_is_unknown() -> None:
    assert evidence.cohen_kappa({}) is None


def test_slower_is_beyond_the_margin() -> None:
    assert evidence.is_slower(1.0, 1.21, 0.2)
    assert not evidence.is_slower(1.0, 1.19, 0.2)
    with pytest.raises((ValueError, ZeroDivisionError)):
        evidence.is_slower(0.0, 1.0, 0.2)
