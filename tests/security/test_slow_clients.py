"""Clients that take their time: each is watched until the gateway closes, all at once."""

import ssl
import time

from tests.nginx.conftest import Gateway, fresh_address
from tests.nginx.wire import Wire, post, wait_until

LIMIT_S = 5.0
"""client_header_timeout and client_body_timeout of nginx/conf.d/runtime.conf."""
LATEST_S = 8.0
"""nginx looks at its clocks now and then, and this machine may be busy."""
WATCHED_S = 9.0

HELD = 200
"""limit_conn of nginx/conf.d/servers.conf."""

HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
STALLED = post("{}" * 50)[:-90]


def closed(wire: Wire, pause_s: float) -> bool:
    """Whether the gateway has closed, or does so within `pause_s`."""
    wire.socket.settimeout(pause_s)
    try:
        return wire.socket.recv(4096) == b""
    except TimeoutError:
        return False
    except OSError:  # reset
        return True


def watch(wires: dict[str, tuple[Wire, bytes]]) -> dict[str, float]:
    """How long each stayed open, in seconds; WATCHED_S for one that still is.

    Twice a second every one sends its next byte, where it has one.
    """
    begun = time.monotonic()
    ends = dict.fromkeys(wires, WATCHED_S)
    while time.monotonic() - begun < WATCHED_S:
        for name, (wire, trickle) in wires.items():
            if ends[name] < WATCHED_S:
                continue
            wire.send(trickle)
            if closed(wire, 0.5 / len(wires)):
                ends[name] = time.monotonic() - begun
    return ends


def test_a_slow_header_or_body_ends_and_a_trickled_body_does_not(gateway: Gateway) -> None:
    wires = {
        "header never finished": (gateway.wire(), b""),
        "header trickled": (gateway.wire(), b"a"),
        "body stalls": (gateway.wire(), b""),
        "body trickled": (gateway.wire(), b"x"),
    }
    try:
        for name, (wire, _) in wires.items():
            wire.send(HEAD if name.startswith("header") else STALLED)
        ends = watch(wires)
    finally:
        for wire, _ in wires.values():
            wire.socket.close()
    # The known limit: the time-out is for one read, so bytes that come slowly keep it open...
    assert ends.pop("body trickled") == WATCHED_S
    assert {name: LIMIT_S - 0.5 < end < LATEST_S for name, end in ends.items()} == dict.fromkeys(
        ends, True
    ), ends
    # ...but all of this stays at the gateway.
    assert not any(standin.received for standin in gateway.instances.values())


def answer_so_far(wire: Wire) -> bytes:
    """What can be read without waiting."""
    wire.socket.setblocking(False)
    try:
        return wire.socket.recv(4096)
    except ssl.SSLWantReadError:
        return b""
    finally:
        wire.socket.settimeout(15.0)


def test_one_address_holds_so_many_requests_and_no_more(gateway: Gateway) -> None:
    # /healthz, because /predict has the other limit, too. One byte of the body is missing.
    unfinished = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n"
    source = fresh_address()
    wires = [gateway.wire(source=source) for _ in range(HELD + 3)]
    refused: dict[int, bytes] = {}

    def three_are_refused() -> bool:
        found = {number: answer_so_far(wire) for number, wire in enumerate(wires)}
        refused.update((number, text) for number, text in found.items() if text)
        return len(refused) == 3

    try:
        for wire in wires:
            wire.send(unfinished)
        wait_until(three_are_refused, "three refusals", 4.0)
        with gateway.wire() as elsewhere:
            assert elsewhere.ask(unfinished + b"x").status == 200
        held = [wire for number, wire in enumerate(wires) if number not in refused]
        for wire in held:
            wire.send(b"x")
        assert [wire.receive().status for wire in held] == [200] * HELD
    finally:
        for wire in wires:
            wire.socket.close()
    for text in refused.values():
        assert text.startswith(b"HTTP/1.1 429 ")
        assert b"\r\nRetry-After: 1\r\n" in text
