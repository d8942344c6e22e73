"""Which bucket a user is in, computed as nginx does: who gets which version, beforehand.

nginx/conf.d/buckets.conf hashes "switchyard:" and the key of a request with MurmurHash2 and
cuts the range of the hash into 100 parts.
"""

import re
from enum import Enum
from typing import Final

BUCKETS: Final = 100
SALT: Final = "switchyard:"
"""What stands before the key in the split_clients line of nginx/conf.d/buckets.conf."""

USER_ID: Final = r"[A-Za-z0-9._@-]{1,64}"
"""An X-User-Id that decides; any other is as good as none (nginx/conf.d/experiment.conf)."""

_MULTIPLIER: Final = 0x5BD1E995
_WORD: Final = 0xFFFFFFFF


class Cohort(Enum):
    """Why a request went where it went, as the access log names it.

    A further version (CONTRIBUTING.md) is asked for by its name, and so is its cohort: v3.
    """

    V1 = "v1"
    """Nothing asked for anything else."""
    CANARY = "canary"
    """The bucket is one of those that the canary has. v2, or v1 where v2 cannot answer."""
    DEBUG = "debug"
    """The client asked for v2."""
    CONTROL = "control"
    """The client asked for v1."""


_VERSION: Final = re.compile(r"v[1-9][0-9]?")
_NAMED: Final = frozenset(cohort.value for cohort in Cohort)
_BY_BUCKET: Final = frozenset({Cohort.V1.value, Cohort.CANARY.value})


def is_cohort(text: str) -> bool:
    """Whether the gateway can have written `text` for a request that an instance was chosen for."""
    return text in _NAMED or _VERSION.fullmatch(text) is not None


def asked_for(cohort: str) -> str:
    """The X-Experiment-Group that led there, "" where none did (or `cohort` is none at all)."""
    return cohort if is_cohort(cohort) and cohort not in _BY_BUCKET else ""


def murmur2(data: bytes) -> int:
    """The 32-bit MurmurHash2 of `data` with seed 0 (Austin Appleby's, as in nginx)."""
    hashed = len(data) & _WORD
    whole = len(data) - len(data) % 4
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * _MULTIPLIER & _WORD
        word = (word ^ word >> 24) * _MULTIPLIER & _WORD
        hashed = (hashed * _MULTIPLIER & _WORD) ^ word
    if tail := data[whole:]:
        hashed = (hashed ^ int.from_bytes(tail, "little")) * _MULTIPLIER & _WORD
    hashed = (hashed ^ hashed >> 13) * _MULTIPLIER & _WORD
    return hashed ^ hashed >> 15


def bucket_of(key: str) -> int:
    """The bucket, 0 to 99, of a key such as "u:alice" (X-User-Id) or "c:0af3..." (cookie)."""
    hashed = murmur2((SALT + key).encode())
    # nginx: the first part whose upper end is above the hash; parts are in 1/10000.
    return next(
        (number for number in range(BUCKETS - 1) if hashed < (number + 1) * 100 * _WORD // 10000),
        BUCKETS - 1,
    )


def bucket_of_user(user_id: str) -> int:
    """The bucket of somebody who sends that X-User-Id."""
    return bucket_of(f"u:{user_id}")


def is_user_id(text: str) -> bool:
    """Whether the gateway takes `text` for the id of a user."""
    return re.fullmatch(USER_ID, text) is not None


def in_canary(bucket: int, weight: int) -> bool:
    """Whether a canary of `weight` percent has the bucket: the first `weight` of them."""
    return bucket < weight
