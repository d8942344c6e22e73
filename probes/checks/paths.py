"""What must not be reachable, and what errors look like."""

from __future__ import annotations

import re
import secrets
from http import HTTPStatus

from probes.addresses import CHECK_SOURCES
from probes.checks.curl import curl, login, predict
from probes.checks.finding import Finding, judged
from probes.checks.routing import WRONG_PASSWORD, source
from probes.exchange import Answer, Caller, basic
from probes.log_end import LOG, follow_from_end
from probes.workspace import Workspace

ID_HEADER = "X-Request-ID"

_PATHS_SOURCE, _ID_SOURCE, _ERRORS_SOURCE = CHECK_SOURCES[2], CHECK_SOURCES[3], CHECK_SOURCES[1]
_MADE_BY_NGINX = re.compile("[0-9a-f]{32}")


def hidden(workload_path: str) -> tuple[str, ...]:
    """Paths of instances and of nginx, with the usual tricks to get at them."""
    below = workload_path.partition("?")[0].rstrip("/")
    inner = ("/metrics", "/docs", "/openapi.json", "/stub_status", "/.git/config", "/")
    tricks = (
        *("//metrics", "/metrics/", "/%2e/metrics", "/..%5cmetrics"),
        *(f"{below}/../metrics", f"{below}/%2e%2e/metrics", f"{below}/..%2fmetrics"),
        *(f"{below}/", f"{below}/metrics", f"{below};/../metrics"),
    )
    return inner + tricks


def hidden_paths(workspace: Workspace) -> Finding:
    """Only the workload and /healthz exist, even for somebody with the password."""
    settings, paths = workspace.settings, hidden(workspace.workload.path)
    problems = []
    with Caller(workspace, source(workspace, _PATHS_SOURCE)) as caller:
        credentials = basic(settings.user, settings.password)
        for path in paths:
            answer = caller.send("GET", path, credentials)
            if answer.status != HTTPStatus.NOT_FOUND:
                problems.append(f"{path}: {answer.status}, expected 404")
    return judged(problems, f"{len(paths)} paths answered 404, among them {', '.join(paths[:4])}")


def hidden_paths_command(workspace: Workspace) -> str:
    """The metrics of an instance."""
    return curl(workspace, "/metrics", *login(workspace))


def request_id(workspace: Workspace) -> Finding:
    """A good id of the client is kept and logged, a bad one is replaced."""
    ours, bad = f"check-{secrets.token_hex(8)}", 'no"id'
    follower = follow_from_end(workspace.root)
    with Caller(workspace, source(workspace, _ID_SOURCE)) as caller:
        kept = caller.predict({ID_HEADER: ours}).headers.get("x-request-id", "none")
        replaced = caller.predict({ID_HEADER: bad}).headers.get("x-request-id", "none")
    problems = []
    if kept != ours:
        problems.append(f"{ours} came back as {kept}")
    if not _MADE_BY_NGINX.fullmatch(replaced):
        problems.append(f"the bad id {bad} was answered with {replaced}, expected 32 hex digits")
    try:
        logged = {access.request_id for access in follower.read()}
    finally:
        follower.close()
    # nginx writes the line after the answer, but before it reads the next request of the
    # same connection, and there was one.
    if ours not in logged:
        problems.append(f"{ours} is not in {LOG}")
    return judged(problems, f"kept {ours}, in the log too; a bad one became {replaced}")


def request_id_command(workspace: Workspace) -> str:
    """An id of one's own, which comes back."""
    return predict(workspace, *login(workspace), "--header", f"{ID_HEADER}: my-own-id-1")


def error_bodies(workspace: Workspace) -> Finding:
    """Errors are JSON with `detail` and the `request_id` of the header."""
    workload, settings = workspace.workload, workspace.settings
    credentials = basic(settings.user, settings.password)
    with Caller(workspace, source(workspace, _ERRORS_SOURCE)) as caller:
        answers = {
            401: caller.predict(login=(settings.user, WRONG_PASSWORD)),
            404: caller.send("GET", "/no-such-path", credentials),
            405: caller.send("GET", workload.path, credentials),
            421: caller.send("GET", "/healthz", {"Host": "unknown.example"}),
        }
    problems = [
        f"{status}: {problem}"
        for status, answer in answers.items()
        if (problem := _problem(answer, status)) is not None
    ]
    seen = ", ".join(map(str, answers))
    return judged(problems, f"{seen} are JSON with detail and request_id")


def error_bodies_command(workspace: Workspace) -> str:
    """A path that does not exist."""
    return curl(workspace, "/no-such-path", *login(workspace))


def _problem(answer: Answer, status: int) -> str | None:
    if answer.status != status:
        return f"answered {answer.status}"
    try:
        body = answer.json()
    except ValueError:
        return "the body is not JSON"
    if not isinstance(body, dict) or not {"detail", "request_id"} <= body.keys():
        return "the body lacks detail or request_id"
    if body["request_id"] != answer.headers.get("x-request-id"):
        return f"request_id differs from the header {ID_HEADER}"
    return None
