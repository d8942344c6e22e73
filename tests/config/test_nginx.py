"""The files of nginx, judged by nginx itself and by two tools that read them."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import crossplane
import pytest

from gateway.accesslog import FIELDS
from gateway.shadow_log import FIELDS as SHADOW_FIELDS
from scripts import nix_shell
from tests.config.conftest import Prepared

CLEAN = [
    "nginx: the configuration file var/../nginx/nginx.conf syntax is ok",
    "nginx: configuration file var/../nginx/nginx.conf test is successful",
]
Statement = dict[str, Any]


def located(prepared: Prepared) -> Iterator[tuple[str, Statement]]:
    """Every directive of every file, at any depth, with the name of its file."""

    def walk(block: list[Statement]) -> Iterator[Statement]:
        for statement in block:
            yield statement
            yield from walk(statement.get("block", []))

    parsed = crossplane.parse(str(prepared.conf))
    assert parsed["status"] == "ok", parsed["errors"]
    for config in parsed["config"]:
        for statement in walk(config["parsed"]):
            yield Path(config["file"]).name, statement


def statements(prepared: Prepared, directive: str) -> list[Statement]:
    """Every use of one directive."""
    return [found for _, found in located(prepared) if found["directive"] == directive]


def test_nginx_accepts_the_files_without_a_warning(prepared: Prepared) -> None:
    done = prepared.check()
    assert (done.returncode, done.stderr.splitlines()) == (0, CLEAN)


@pytest.mark.skipif(os.geteuid() != 0, reason="the test above runs without root already")
def test_nginx_accepts_the_files_as_another_user(prepared: Prepared) -> None:
    prepared.give_to("nobody")
    try:
        done = prepared.check("nobody")
    except PermissionError:
        pytest.skip("this clone is in a folder that only root can enter, and so is its nginx")
    assert (done.returncode, done.stderr.splitlines()) == (0, CLEAN)


@pytest.mark.parametrize(
    "fragment", ["listen-https.conf", "listen-http.conf", "https-port-suffix.conf"]
)
def test_a_missing_fragment_is_an_error_that_names_it(prepared: Prepared, fragment: str) -> None:
    (prepared.root / "var/nginx" / fragment).unlink()
    done = prepared.check()
    assert done.returncode == 1
    assert f"/var/nginx/{fragment}" in done.stderr


def test_optional_fragments_are_read(prepared: Prepared) -> None:
    (prepared.root / "var/nginx/main-typo.conf").write_text("no_such_directive on;\n")
    done = prepared.check()
    assert done.returncode == 1
    assert 'unknown directive "no_such_directive"' in done.stderr


def test_crossplane_reads_every_file(prepared: Prepared) -> None:
    parsed = crossplane.parse(str(prepared.conf))
    assert (parsed["status"], parsed["errors"]) == ("ok", [])
    read = {os.path.realpath(config["file"]) for config in parsed["config"]}
    written = {os.path.realpath(path) for path in prepared.conf.parent.rglob("*.conf")}
    assert written <= read


# What gixy reports and we want as it is: in which locations (none: in servers), and why.
ACCEPTED: dict[str, tuple[set[str], str]] = {
    "hsts_header": (
        set(),
        "browsers apply it to localhost with all ports: Grafana and Prometheus",
    ),
    "missing_resolver": (
        {"/predict", "/_chosen", "/_shadowed"},
        "the variable in proxy_pass names an upstream, nothing is resolved",
    ),
    "if_is_evil": (
        {"/_experiment", "/_deliver"},
        "`set` in locations that only choose where to go on; no answer is given there",
    ),
    "default_server_flag": (
        set(),
        "the `listen` lines are one generated file for two servers; "
        "the order in servers.conf says which is the default",
    ),
}


@pytest.mark.skipif("gixy-ng" in nix_shell.absent(), reason=nix_shell.not_covered("gixy-ng"))
def test_gixy_finds_nothing_but_what_is_accepted(prepared: Prepared) -> None:
    command = ["gixy", "--format", "json", str(prepared.conf)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    findings: dict[str, set[str]] = {}
    for finding in json.loads(done.stdout):
        locations = re.findall(r"location (?:= )?(\S+) \{", finding["config"])
        findings.setdefault(finding["plugin"], set()).update(locations)
    # Equal, not less: an exception that is not needed any more has to go.
    assert findings == {plugin: locations for plugin, (locations, _) in ACCEPTED.items()}


@pytest.mark.parametrize(
    ("format_name", "fields"), [("gateway_json", FIELDS), ("shadow_json", SHADOW_FIELDS)]
)
def test_log_line_has_the_fields_of_the_reader(
    prepared: Prepared, format_name: str, fields: tuple[str, ...]
) -> None:
    formats = {found["args"][0]: found["args"][1:] for found in statements(prepared, "log_format")}
    escape, *parts = formats[format_name]
    assert escape == "escape=json"
    line = json.loads("".join(parts))
    assert tuple(line) == fields
    # One variable each, in quotes: nothing else is a JSON string whatever its value.
    assert all(re.fullmatch(r"\$[a-z_]+", value) for value in line.values())


def test_every_error_page_has_its_text(prepared: Prepared) -> None:
    # The two of the shadow are answers to nobody.
    pages = [
        page["args"]
        for page in statements(prepared, "error_page")
        if page["args"] not in (["405", "=204", "/_taken"], ["418", "/_error"])
    ]
    (texts,) = (
        {text["directive"] for text in found["block"]}
        for found in statements(prepared, "map")
        if found["args"][1] == "$error_detail"
    )
    assert pages
    for *codes, target in pages:
        assert target == "/_error"
        changed = [code[1:] for code in codes if code.startswith("=")]
        answered = set(changed or codes)
        assert answered <= texts | {"500"}


def test_headers_are_added_in_one_place(prepared: Prepared) -> None:
    # An add_header in a location drops all those of its server.
    files = {file for file, found in located(prepared) if found["directive"] == "add_header"}
    assert files == {"security-headers.conf"}
