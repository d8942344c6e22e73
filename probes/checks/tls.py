"""TLS versions, the certificate and the redirect from plain HTTP."""

from __future__ import annotations

import os
import shlex
import socket
import ssl
import struct
import time

from gateway.certificates import RENEW_SECONDS
from probes.checks.curl import curl
from probes.checks.finding import Finding, failed, judged, passed
from probes.exchange import TIMEOUT_S, ask, gateway_name, gateway_target, trust, words
from probes.workspace import Workspace

DAY_S = 24 * 3600.0
OLD = {"TLS 1.0": 0x0301, "TLS 1.1": 0x0302}
"""The numbers of the protocols (RFC 2246 and RFC 4346)."""
GOOD = {"TLS 1.2": ssl.TLSVersion.TLSv1_2, "TLS 1.3": ssl.TLSVersion.TLSv1_3}

_HANDSHAKE, _SERVER_HELLO = 22, 2
# Suites that TLS 1.0 knows: ECDHE with ECDSA and RSA, plain RSA; AES in CBC mode.
_OLD_SUITES = (0xC00A, 0xC009, 0xC014, 0xC013, 0x0035, 0x002F)


def versions(workspace: Workspace) -> Finding:
    """TLS 1.0 and 1.1 are refused, 1.2 and 1.3 are spoken."""
    problems, seen = [], []
    for name, number in OLD.items():
        answer = _old_hello(workspace, number)
        seen.append(f"{name} {answer}")
        if answer == "accepted":
            problems.append(f"{name} is accepted: remove it from ssl_protocols")
    for name, version in GOOD.items():
        try:
            _handshake(workspace, gateway_name(workspace), version).close()
            seen.append(f"{name} ok")
        except ssl.SSLCertVerificationError:
            seen.append(f"{name} ok")  # spoken; the certificate has a check of its own
        except (ssl.SSLError, ConnectionError) as error:
            problems.append(f"{name} is refused ({words(error)})")
    return judged(problems, ", ".join(seen))


def versions_command(workspace: Workspace) -> str:
    """An old version, which has to fail."""
    return curl(workspace, "/healthz", "--tlsv1.0", "--tls-max", "1.1")


def certificate(workspace: Workspace) -> Finding:
    """It is trusted under every name of this machine, and lasts."""
    names = [gateway_name(workspace)]
    if workspace.settings.is_loopback:
        names = ["localhost", "127.0.0.1", "::1"]
    expires = 0.0
    for name in names:
        try:
            with _handshake(workspace, name) as connection:
                not_after = (connection.getpeercert() or {})["notAfter"]
        except ssl.SSLCertVerificationError as error:
            return failed(f"not valid for {name}: {error.verify_message}: remove nginx/certs/ "
                          "and `make start-project`")  # fmt: skip
        expires = ssl.cert_time_to_seconds(str(not_after))
    left = expires - time.time()
    evidence = f"valid for {', '.join(names)}; {left / DAY_S:.0f} days left"
    if left < RENEW_SECONDS:
        return failed(f"{evidence}: a start of the workspace renews it")
    return passed(evidence)


def certificate_command(workspace: Workspace) -> str:
    """What the gateway shows."""
    name, (host, port) = gateway_name(workspace), gateway_target(workspace)
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    client = ["openssl", "s_client", "-connect", target, "-servername", name]
    return f"{shlex.join(client)} </dev/null | openssl x509 -noout -dates -ext subjectAltName"


def redirect(workspace: Workspace) -> Finding:
    """Plain HTTP answers 301, or 308 where a body has to be sent again."""
    path, target = workspace.workload.path, workspace.settings.url + workspace.workload.path
    host, name = gateway_target(workspace)[0], gateway_name(workspace)
    problems, seen = [], []
    for method, status in (("GET", 301), ("POST", 308)):
        answer = ask(workspace.settings.http_port, method, path, host, name)
        location = answer.headers.get("location", "nowhere")
        seen.append(f"{method} {answer.status}")
        if (answer.status, location) != (status, target):
            problems.append(f"{method}: {answer.status} to {location}, not {status} to {target}")
    return judged(problems, f"{', '.join(seen)} to {target}")


def redirect_command(workspace: Workspace) -> str:
    """Plain HTTP."""
    port = workspace.settings.http_port
    suffix = "" if port == 80 else f":{port}"
    name = gateway_name(workspace)
    host = f"[{name}]" if ":" in name else name
    return shlex.join(["curl", "-sS", "-i", f"http://{host}{suffix}{workspace.workload.path}"])


def _handshake(
    workspace: Workspace, name: str, only: ssl.TLSVersion | None = None
) -> ssl.SSLSocket:
    context = trust(workspace)
    if only is not None:
        context.minimum_version = context.maximum_version = only
    raw = socket.create_connection(gateway_target(workspace), TIMEOUT_S)
    try:
        return context.wrap_socket(raw, server_hostname=name)
    except OSError:
        raw.close()
        raise


def _old_hello(workspace: Workspace, version: int) -> str:
    """ "refused" or "accepted", as the gateway answers to a client that speaks `version` at most.

    The greeting is written by hand, since the TLS library of a careful system cannot be
    talked into sending it. Raises OSError when the gateway says nothing in time.
    """
    with socket.create_connection(gateway_target(workspace), TIMEOUT_S) as connection:
        try:
            connection.sendall(client_hello(version, gateway_name(workspace)))
            answer = connection.recv(6)
        except ConnectionResetError:
            return "refused"
    return "accepted" if is_server_hello(answer) else "refused"


def is_server_hello(answer: bytes) -> bool:
    """Whether the first bytes of an answer go on with the handshake; an alert does not."""
    return len(answer) > 5 and answer[0] == _HANDSHAKE and answer[5] == _SERVER_HELLO


def client_hello(version: int, name: str) -> bytes:
    """A ClientHello in one record (RFC 4346 section 7.4.1.2, RFC 8422 section 5.1)."""
    suites = struct.pack(f"!{len(_OLD_SUITES)}H", *_OLD_SUITES)
    host = name.encode("idna")
    extensions = b"".join(
        struct.pack("!HH", kind, len(body)) + body
        for kind, body in (
            (0, struct.pack("!HBH", len(host) + 3, 0, len(host)) + host),  # server_name
            (10, struct.pack("!HHHH", 6, 29, 23, 24)),  # x25519, secp256r1, secp384r1
            (11, b"\x01\x00"),  # uncompressed points
        )
    )
    hello = b"".join(
        (
            struct.pack("!H", version) + os.urandom(32) + b"\x00",  # no session to resume
            struct.pack("!H", len(suites)) + suites,
            b"\x01\x00",  # no compression
            struct.pack("!H", len(extensions)) + extensions,
        )
    )
    handshake = b"\x01" + struct.pack("!I", len(hello))[1:] + hello
    return struct.pack("!BHH", _HANDSHAKE, 0x0301, len(handshake)) + handshake
