import math
import random

import pytest

from bench.capacity_model import (
    Costs,
    Host,
    Station,
    bottleneck,
    carried,
    erlang_c,
    response_quantile,
    stations,
)


@pytest.mark.parametrize(
    ("servers", "load", "expected"),
    [
        # One server: the utilisation itself. Two, three: by hand from the sum formula.
        (1, 0.5, 0.5),
        (2, 1.0, 1 / 3),
        (3, 2.0, 4 / 9),
        # Ten servers at 80 %, as in tables of Erlang C.
        (10, 8.0, 0.40918),
        (4, 0.0, 0.0),
        (4, 4.0, 1.0),
        (4, 9.0, 1.0),
    ],
)
def test_erlang_c(servers: int, load: float, expected: float) -> None:
    assert erlang_c(servers, load) == pytest.approx(expected, abs=5e-6)


def test_erlang_c_of_many_servers_is_the_sum_formula() -> None:
    servers, load = 100, 90.0
    terms = [math.exp(k * math.log(load) - math.lgamma(k + 1)) for k in range(servers)]
    last = (
        math.exp(servers * math.log(load) - math.lgamma(servers + 1)) * servers / (servers - load)
    )
    assert erlang_c(servers, load) == pytest.approx(last / (sum(terms) + last))


@pytest.mark.parametrize(("servers", "load"), [(0, 0.5), (2, -0.1)])
def test_what_is_no_queue(servers: int, load: float) -> None:
    with pytest.raises(ValueError, match="server"):
        erlang_c(servers, load)


def test_one_server_is_m_m_1() -> None:
    queue = Station("one", 1, 1.0, 0.010)
    assert queue.capacity == pytest.approx(100)
    assert queue.utilisation(80) == pytest.approx(0.8)
    # rho / (mu - lambda)
    assert queue.wait(80) == pytest.approx(0.8 / 20)
    # P(W > t) = rho e^-(mu - lambda) t
    t = queue.wait_quantile(80, 0.99)
    assert 0.8 * math.exp(-20 * t) == pytest.approx(0.01)
    assert queue.wait_quantile(0.5, 0.99) == 0
    assert queue.wait(100) == queue.wait_quantile(100, 0.5) == math.inf


def test_the_formulas_hold_in_a_simulation() -> None:
    draw = random.Random(20261124)  # noqa: S311 - a simulation
    servers, service, rate = 3, 1.0, 2.4
    free = [0.0] * servers
    now, waits = 0.0, []
    for _ in range(200_000):
        now += draw.expovariate(rate)
        first = min(range(servers), key=free.__getitem__)
        begun = max(now, free[first])
        waits.append(begun - now)
        free[first] = begun + draw.expovariate(1 / service)
    queue = Station("three", servers, 1.0, service)
    waits.sort()
    assert sum(waits) / len(waits) == pytest.approx(queue.wait(rate), rel=0.05)
    measured = waits[int(0.99 * len(waits))]
    assert measured == pytest.approx(queue.wait_quantile(rate, 0.99), rel=0.05)


COSTS = Costs(gateway=40e-6, service=80e-6, hop_out=30e-6, hop_in=40e-6)


def test_one_host_shares_its_cores() -> None:
    system = stations(COSTS, [Host(cores=2, instances=3)])
    assert [station.name for station in system] == ["cores of host 1"]
    assert bottleneck(system).capacity == pytest.approx(2 / 120e-6)
    assert carried(system, 0.7) == pytest.approx(0.7 * 2 / 120e-6)


def test_few_instances_leave_cores_idle() -> None:
    system = stations(COSTS, [Host(cores=8, instances=2)])
    assert bottleneck(system).name == "instances of host 1"
    assert carried(system, 1.0) == pytest.approx(2 / 80e-6)


def test_a_second_host_pays_for_the_hop() -> None:
    hosts = [Host(cores=2, instances=1), Host(cores=2, instances=3)]
    first, _, second = stations(COSTS, hosts)
    assert first.service == pytest.approx(40e-6 + 0.25 * 80e-6 + 0.75 * 30e-6)
    assert second.share == 0.75
    assert second.service == pytest.approx(120e-6)
    assert bottleneck([first, second]) is second
    free = stations(Costs(gateway=40e-6, service=80e-6), hosts)
    assert carried(free, 1.0) > carried([first, second], 1.0)


def test_the_load_generator_takes_its_part() -> None:
    with_client = Costs(COSTS.gateway, COSTS.service, client=40e-6)
    host = [Host(cores=2, instances=3)]
    assert carried(stations(with_client, host), 1.0) == pytest.approx(2 / 160e-6)


def test_an_answer_takes_its_time_and_waits() -> None:
    system = stations(COSTS, [Host(cores=2, instances=3)])
    rate = carried(system, 0.9)
    waited = bottleneck(system).wait_quantile(rate, 0.99)
    assert waited > 0
    assert response_quantile(system, 1e-3, rate, 0.99) == pytest.approx(1e-3 + waited)
    assert response_quantile(system, 1e-3, 1.0, 0.99) == 1e-3


def test_nobody_answers() -> None:
    with pytest.raises(ValueError, match="instance"):
        stations(COSTS, [Host(cores=2, instances=0)])
