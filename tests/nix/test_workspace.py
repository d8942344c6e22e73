"""The whole workspace by the commands of the flake, with nothing set up before."""

from __future__ import annotations

import shlex

import pytest

from scripts import private_network
from tests.nix.conftest import Flake


def test_run_then_dashboard_then_down(flake: Flake) -> None:
    enter = private_network.prefix()
    if enter is None:
        pytest.skip("not covered: the workspace by nix run (no private network here)")

    def step(*arguments: str) -> str:
        return shlex.join(flake.command(*arguments))

    # One shell, because a private network ends with the command that was started in it.
    # Nothing of the outside can be reached, so the models are trained on what Nix handed over.
    script = f"""
        trap {shlex.quote(step("develop", "-c", "process-compose", "down"))} EXIT
        {step("run", ".", "--", "--detached")}
        {step("develop", "-c", "make", "start-project")}
        {step("develop", "-c", "make", "test-api-debug")}
        {step("develop", "-c", "python", "-m", "dashboard", "check")}
    """
    done = flake.call([*enter, "bash", "-euc", script])
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"version": "v2"' in done.stdout
    assert "ok      prometheus" in done.stdout
    assert not (flake.clone / "var/run/pc.sock").exists()
