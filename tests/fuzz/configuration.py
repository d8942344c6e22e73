"""The files that a person edits."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway import htpasswd, nginx_files
from gateway.errors import AnswerMissing, PrepareError, SettingsError, TopologyError
from gateway.nginx_files import Directive
from gateway.processes import read_processes
from gateway.scrape_targets import read_targets
from gateway.settings import load_settings
from gateway.workload import WorkloadError, load_workload
from rollout.plan import Plan
from rollout.policy import PolicyError, load_policy
from tests.fuzz.target import ROOT, Run, Target, check, committed

_DOUBLE = re.compile(r'(?:\\.|[^"\\])*', re.DOTALL)


def nginx(_root: Path) -> Run:
    """What is read can be written, and is then read alike."""

    def run(data: bytes) -> None:
        try:
            found = nginx_files.parse(data.decode("utf-8", "replace"), "x.conf")
        except TopologyError:
            return
        nginx_files.upstreams(found)
        again = nginx_files.parse("\n".join(map(_written, found)), "x.conf")
        check(_shape(found) == _shape(again), "read differently when written again")
        try:
            port, _ = nginx_files.status_listen(found)
        except TopologyError:
            return
        check(0 < port < 65_536, "a port that is none")

    return run


def _written(directive: Directive) -> str:
    words = " ".join(map(_word, (directive.name, *directive.args)))
    if directive.block is None:
        return f"{words};"
    return f"{words} {{\n" + "\n".join(map(_written, directive.block)) + "\n}"


def _word(word: str) -> str:
    token = nginx_files._TOKEN.fullmatch(word)
    if token is not None and token.lastgroup == "word":
        return word
    return f'"{word}"' if _DOUBLE.fullmatch(word) else f"'{word}'"


def _shape(directives: Iterable[Directive] | None) -> object:
    if directives is None:
        return None
    return [(each.name, each.args, _shape(each.block)) for each in directives]


def processes(root: Path) -> Run:
    """process-compose.yaml."""

    def run(data: bytes) -> None:
        (root / "process-compose.yaml").write_bytes(data)
        try:
            declared = read_processes(root)
        except TopologyError:
            return
        for instance in declared.instances:
            check(0 < instance.port.number < 65_536, "a port that is none")

    return run


def scrape_targets(root: Path) -> Run:
    """monitoring/prometheus.yml."""
    (root / "monitoring").mkdir()

    def run(data: bytes) -> None:
        (root / "monitoring/prometheus.yml").write_bytes(data)
        try:
            read_targets(root)
        except TopologyError:
            return

    return run


def workload(root: Path) -> Run:
    """Every body that can come of it is JSON."""

    def run(data: bytes) -> None:
        (root / "workload.yaml").write_bytes(data)
        try:
            found = load_workload(root)
        except WorkloadError:
            return
        body = found.body('quote " and \\ and 😀')
        sent = json.dumps(body, allow_nan=False, ensure_ascii=False).encode()
        check(json.loads(sent) == body, "a body that JSON changes")
        answers: list[Any] = [{}, [], {"prediction": "positive"}, body, "text", None]
        for answer in answers:
            try:
                found.answer(answer)
            except AnswerMissing:
                continue

    return run


def corpus(root: Path) -> Run:
    """The CSV file that workload.yaml names."""
    path = root / "corpus.csv"
    shutil.copy(ROOT / "workload.yaml", root)
    found = load_workload(root)
    described = replace(found, corpus=replace(found.corpus, path=path))

    def run(data: bytes) -> None:
        path.write_bytes(data)
        try:
            texts = described.texts()
        except WorkloadError:
            return
        check(bool(texts), "a corpus without texts")

    return run


def policy(root: Path) -> Run:
    """rollout/rollout.yaml: what is read can be kept in the decision log."""
    (root / "rollout").mkdir()

    def run(data: bytes) -> None:
        (root / "rollout/rollout.yaml").write_bytes(data)
        try:
            plan = load_policy(root)
        except PolicyError:
            return
        kept = json.dumps(plan.to_json(), allow_nan=False)
        check(Plan.from_json(json.loads(kept)) == plan, "a plan that the log changes")

    return run


def settings(root: Path) -> Run:
    """.env: what is read is one line each, and safe to write into other files."""

    def run(data: bytes) -> None:
        (root / ".env").write_bytes(data)
        try:
            found = load_settings(root, {})
        except SettingsError:
            return
        for text in (found.user, found.password, found.listen_address, found.url):
            check(text.isprintable() and text != "", "a setting with a control character")
        check(re.fullmatch(r"[0-9a-f.:]+", found.listen_address) is not None, "an address")
        check(found.is_loopback in (True, False), "reach")

    return run


def passwords(_root: Path) -> Run:
    """var/htpasswd; schemes that openssl computes are left out, a process each."""
    slow = (htpasswd.Scheme.APR1, htpasswd.Scheme.MD5_CRYPT)

    def run(data: bytes) -> None:
        try:
            entries = htpasswd.parse_htpasswd(data.decode("utf-8", "replace"))
        except PrepareError:
            return
        for entry in entries:
            if entry.scheme not in slow:
                entry.accepts("correct horse")

    return run


_HTPASSWD = (
    b"# comment\nadmin:{SSHA}q83vEjRWeJCrze8SNFZ4kKvN7xI=\nann:{PLAIN}x:note\nbob:$2y$05$x\n"
)
NGINX = Target(nginx, lambda: committed("nginx/*.conf", "nginx/conf.d/*.conf"))
PROCESSES = Target(processes, lambda: committed("process-compose.yaml"))
SCRAPE_TARGETS = Target(scrape_targets, lambda: committed("monitoring/prometheus.yml"))
WORKLOAD = Target(workload, lambda: committed("workload.yaml"))
CORPUS = Target(corpus, lambda: [b'sentence,label\n"one, two",positive\nthree,\n'])
POLICY = Target(policy, lambda: committed("rollout/rollout.yaml"))
SETTINGS = Target(settings, lambda: committed(".env"))
PASSWORDS = Target(passwords, lambda: [_HTPASSWD])
