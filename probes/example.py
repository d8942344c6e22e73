"""One request of the workload's example through the gateway, by curl: `make test-api`.

What is printed on stderr is the very command that ran, ready to be pasted. The body
goes to stdout, readably. The exit code is 1 when the answer is not the expected one.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from gateway.errors import AnswerMissing, ConfigurationError
from gateway.exit_codes import ExitCode
from gateway.settings import DEMO_PASSWORD, Settings, load_settings
from gateway.topology import Topology, load_topology
from gateway.visible import visible
from gateway.workload import Workload, load_workload, resolve

CERTIFICATE = "nginx/certs/nginx.crt"
TIMEOUT_S = 10
# What curl writes after the body, on lines of its own.
WRITE_OUT = "\n%{http_code}\n%header{x-instance}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, X-Instance ("" if absent) and the raw body."""

    status: int
    instance: str
    body: str


def curl_command(settings: Settings, workload: Workload, debug: bool) -> list[str]:
    """The request as a person would type it; curl asks for any but the demo password."""
    demo = settings.password == DEMO_PASSWORD
    login = f"{settings.user}:{settings.password}" if demo else settings.user
    command = ["curl", "--user", login, "--cacert", CERTIFICATE]
    # Both by name: while a canary runs, v2 answers some who do not choose.
    command += ["--header", f"X-Experiment-Group: {'debug' if debug else 'control'}"]
    if workload.method != "POST":
        command += ["--request", workload.method]
    body = json.dumps(workload.body(workload.example.text), ensure_ascii=False)
    return [*command, "--json", body, settings.url + workload.path]


def problems(
    answer: Answer, workload: Workload, topology: Topology, debug: bool
) -> tuple[str, ...]:
    """What is wrong with `answer`; nothing if it is what workload.yaml promises."""
    if answer.status != HTTPStatus.OK:
        return (f"status {answer.status}, expected 200",)
    try:
        body: Any = json.loads(answer.body)
    except ValueError:
        return ("the body is not JSON",)
    found = []
    version = topology.versions[1 if debug else 0]
    if topology.version_of(answer.instance) != version:
        found.append(f"answered by {answer.instance or 'nobody'}, not by an instance of {version}")
    expected = workload.example.answer
    try:
        answer = workload.answer(body)
        if expected is not None and answer != expected:
            found.append(f"the answer is {answer!r}, not {expected!r}")
    except AnswerMissing as error:
        found.append(str(error))
    if workload.example.debug_only is not None:
        present = _has(body, workload.example.debug_only)
        if present != debug:
            what = "lacks" if debug else "must not have"
            found.append(f"an answer of {version} {what} {workload.example.debug_only}")
    return tuple(found)


def send(command: list[str], settings: Settings) -> Answer:
    """Run curl. Raises ConnectionError with curl's words when nothing came back."""
    options = ["--silent", "--show-error", "--max-time", str(TIMEOUT_S), "--write-out", WRITE_OUT]
    # Through stdin, since the arguments of a process are there for every user to read.
    login = json.dumps(f"{settings.user}:{settings.password}", ensure_ascii=False)
    done = subprocess.run(
        [command[0], *options, *command[1:], "--config", "-"],
        input=f"user = {login}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ConnectionError(done.stderr.strip())
    body, status, instance = done.stdout.rsplit("\n", 2)
    return Answer(int(status), instance, body)


def main(arguments: list[str] | None = None) -> int:
    """Send the example once; see the module's text."""
    parser = argparse.ArgumentParser(
        prog="python -m probes.example",
        description="Send the example of workload.yaml through the gateway by curl, and show the "
        "command (stderr) and the answer (stdout).",
    )
    parser.add_argument(
        "--debug", action="store_true", help="ask for v2: X-Experiment-Group: debug"
    )
    debug: bool = parser.parse_args(arguments).debug
    root = Path.cwd()
    try:
        settings = load_settings(root, os.environ)
        workload, topology = load_workload(root), load_topology(root, settings)
    except ConfigurationError as error:
        return _fail(str(error), ExitCode.USAGE)
    command = curl_command(settings, workload, debug)
    sys.stderr.write(f"$ {shlex.join(command)}\n")
    try:
        answer = send(command, settings)
    except FileNotFoundError:
        return _fail("curl is missing: run make setup", ExitCode.USAGE)
    except ConnectionError as error:
        return _fail(f"{error}: is the workspace running? make start-project", ExitCode.UNREACHABLE)
    sys.stderr.write(f"{answer.status} from {visible(answer.instance) or 'the gateway itself'}\n")
    sys.stdout.write(_readable(answer.body) + "\n")
    found = problems(answer, workload, topology, debug)
    return _fail("; ".join(found), ExitCode.FAILED) if found else ExitCode.PASS


def _has(body: Any, pointer: str) -> bool:
    try:
        resolve(body, pointer)
    except AnswerMissing:
        return False
    return True


def _readable(body: str) -> str:
    try:
        text = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        text = body
    # A model may answer anything.
    return "\n".join(map(visible, text.split("\n")))


def _fail(reason: str, code: ExitCode) -> int:
    sys.stderr.write("test-api: " + "\n".join(map(visible, reason.split("\n"))) + "\n")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
