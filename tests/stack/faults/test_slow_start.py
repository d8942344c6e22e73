"""A machine so busy that an instance needs long to start."""

from __future__ import annotations

import os
import signal

from gateway.supervisor import Supervisor
from scripts.stack import wait_until
from tests.stack.clients import Clients
from tests.stack.hurting import frozen, process, wait_for_another
from tests.stack.load import Load

START_S = 15.0
"""Ten times that of an idle machine, half of what process-compose.yaml grants."""


def test_a_slow_start_is_not_ended_before_it_is_over(
    supervisor: Supervisor, connect: Clients
) -> None:
    """It would begin anew, and keep the machine busy with that."""
    victim = process(supervisor, "v1-3").pid

    def starting() -> int:
        pid = process(supervisor, "v1-3").pid
        return 0 if pid == victim else pid

    with Load(connect, 8) as load:
        load.wait_for_everybody()
        os.kill(victim, signal.SIGKILL)
        assert wait_until(lambda: starting() != 0, 30, 0.02)
        slow = starting()
        with frozen(slow):
            assert not process(supervisor, "v1-3").is_ready
            assert wait_until(lambda: process(supervisor, "v1-3").age >= START_S, 60)
        wait_for_another(supervisor, "v1-3", victim)
        load.wait_for_everybody()
    assert process(supervisor, "v1-3").pid == slow
    assert set(load.outcomes) == {"200"}
