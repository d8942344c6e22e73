from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.raised_limits import raised, raised_all

ROOT = Path(__file__).parents[2]


def test_rate_and_burst_are_raised_and_nothing_else() -> None:
    text = (
        "# rate=10r/s burst=20\n"
        "limit_req_zone  $binary_remote_addr zone=per_address:1m rate=10r/s;\n"
        "    limit_req zone=per_address burst=20 nodelay;\n"
        "limit_req_status  429;\n"
        "limit_conn per_address_conn 200;\n"
    )
    assert raised(text) == (
        "# rate=10r/s burst=20\n"
        "limit_req_zone  $binary_remote_addr zone=per_address:1m rate=1000000r/s;\n"
        "    limit_req zone=per_address burst=1000000 nodelay;\n"
        "limit_req_status  429;\n"
        "limit_conn per_address_conn 200;\n",
        2,
    )


def test_a_rate_per_minute_is_raised_too() -> None:
    assert raised("limit_req_zone $x zone=a:1m rate=30r/m;") == (
        "limit_req_zone $x zone=a:1m rate=1000000r/s;",
        1,
    )


@pytest.mark.parametrize("files", ["nginx/**/*.conf", "bench/exam_nginx.conf"])
def test_both_gateways_are_changed_in_exactly_two_lines(files: str) -> None:
    before = {str(path): path.read_text() for path in ROOT.glob(files)}
    after = raised_all(before)
    assert after.keys() == before.keys()
    lines = [
        (old, new)
        for name in before
        for old, new in zip(before[name].splitlines(), after[name].splitlines(), strict=True)
        if old != new
    ]
    assert sorted(old.split()[0] for old, _ in lines) == ["limit_req", "limit_req_zone"]
    assert all("1000000" in new for _, new in lines)


def test_a_gateway_without_a_limit_is_refused() -> None:
    with pytest.raises(BenchError, match=r"no limit_req rate and burst in bare\.conf"):
        raised_all({"bare.conf": "limit_req zone=a burst=5;"})
