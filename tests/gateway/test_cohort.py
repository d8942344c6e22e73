"""Buckets: known hashes, and what holds for every key and weight."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cohort import BUCKETS, bucket_of, bucket_of_user, in_canary, murmur2


@given(st.text(max_size=80))
def test_a_bucket_for_every_key(key: str) -> None:
    assert 0 <= bucket_of(key) < BUCKETS
    assert bucket_of_user(key) == bucket_of(f"u:{key}")


@given(st.integers(0, BUCKETS - 1), st.integers(0, 100), st.integers(0, 100))
def test_a_higher_weight_keeps_everybody(bucket: int, weight: int, more: int) -> None:
    if in_canary(bucket, weight):
        assert in_canary(bucket, max(weight, more))
    assert sum(in_canary(one, weight) for one in range(BUCKETS)) == weight


def test_buckets_are_even() -> None:
    counts = Counter(bucket_of_user(f"user-{number}") for number in range(20_000))
    chi_square = sum((counts[b] - 200) ** 2 / 200 for b in range(BUCKETS))
    assert chi_square < 149  # chi-square with 99 degrees of freedom: one in a thousand


@pytest.mark.parametrize(
    ("data", "hashed"),
    # From the reference implementation (MurmurHash2, seed 0).
    [(b"", 0), (b"a", 0x92685F5E), (b"abcd", 0x26873021), (b"hello world", 0x44A81419)],
)
def test_known_hashes(data: bytes, hashed: int) -> None:
    assert murmur2(data) == hashed
