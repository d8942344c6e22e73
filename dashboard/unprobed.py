"""What is wrong although every probe is answered, each with what can be done about it. Pure."""

from __future__ import annotations

from dashboard.model import Model
from dashboard.numbers import count
from dashboard.window import Window


def stranger(model: Model, now: float) -> tuple[str, str] | None:
    """That somebody answers at the port of an instance who is not that instance."""
    tally = model.window(Window.TEN_SECONDS, now)
    if not tally.strangers:
        return None
    name = max(tally.strangers, key=lambda each: tally.strangers[each])
    address = next((each.address for each in model.instances if each.name == name), "")
    return (
        f"{count(tally.strangers[name])} of {count(tally.total())} requests in "
        f"{Window.TEN_SECONDS.label} were answered at {address} by somebody who is not {name}",
        f"`ss -ltnp` says who; meanwhile `python -m dashboard canary --drain {name}`",
    )


def crippled_nginx(model: Model) -> tuple[str, str] | None:
    """That a process of nginx is gone or stopped whose work the others do not take over."""
    master = None if model.gateway is None else model.gateway.master
    if master is None:
        return None
    if not master.alive:
        return (
            f"nginx's master process {master.pid} is gone: its workers answer on, "
            "but nobody restarts them",
            "6 Processes: r on nginx starts it anew",
        )
    if not master.stopped:
        return None
    if master.pid in master.stopped:
        reason = f"nginx's master process {master.pid} is stopped: its workers answer on, "
        reason += "but nobody reloads or replaces them"
    else:
        names = " and ".join(map(str, master.stopped))
        reason = f"of nginx's workers {names} is stopped: who is connected to it waits"
    pids = " ".join(map(str, master.stopped))
    return reason, f"`kill -CONT {pids}`, or 6 Processes: r on nginx"
