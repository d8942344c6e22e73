from collections import OrderedDict

import pytest

from gateway.versions import version_served

SERVED = OrderedDict([("v1-1", "v1"), ("v1-2", "v1"), ("v2-1", "v2"), ("odd", "v2")])


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("v1-2", "v1"),
        ("v2-1", "v2"),
        ("odd", "v2"),
        ("v1-4", "v1"),
        ("v2-12", "v2"),
        ("v3-1", None),
        ("odd-1", None),
        ("v1-0", None),
        ("v1-1000", None),
        ("v1-٣", None),
        ("v1-", None),
        ("v1", None),
        ("-1", None),
        ("", None),
    ],
)
def test_more_of_a_kind_serve_what_the_declared_one_serves(name: str, version: str | None) -> None:
    assert version_served(name, SERVED) == version


def test_where_two_versions_share_a_kind_nobody_knows() -> None:
    assert version_served("api-3", {"api-1": "v1", "api-2": "v2"}) is None
    assert version_served("api-2", {"api-1": "v1", "api-2": "v2"}) == "v2"
