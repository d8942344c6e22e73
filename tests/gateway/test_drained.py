"""The upstreams without one instance: made from the real file, and taken by the real nginx."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from gateway.drained import drained_choice, drained_upstreams, suffix
from gateway.nginx_files import parse, read_nginx, upstreams, walk
from gateway.settings import load_settings
from gateway.topology import Instance, load_topology
from tests.gateway.exporter_process import ROOT
from tests.gateway.test_nginx_probe import nginx_program

INSTANCES = load_topology(ROOT, load_settings(ROOT, {})).instances
TEXT = drained_upstreams(walk(read_nginx(ROOT)), INSTANCES)


@pytest.mark.parametrize("instance", INSTANCES, ids=lambda each: each.name)
def test_in_each_copy_one_instance_is_down_and_nothing_else_differs(instance: Instance) -> None:
    copies = {group.args[0]: group for group in parse(TEXT, "x") if group.name == "upstream"}
    originals = [each for each in walk(read_nginx(ROOT)) if each.name == "upstream"]
    assert len(copies) == len(originals) * len(INSTANCES)
    for original in originals:
        name = original.args[0]
        copy = copies[name + suffix(instance.name)]
        expected = []
        for line in original.block or ():
            args = line.args
            if line.name == "zone":  # two groups cannot share the counts of one zone
                args = (name + suffix(instance.name), *args[1:])
            if line.name == "server" and args[0] == instance.address:
                args = (*args, "down")
            expected.append((line.name, args))
        assert [(line.name, line.args) for line in copy.block or ()] == expected


def test_every_choice_names_a_copy_that_exists() -> None:
    text = drained_choice(INSTANCES)
    names = set(upstreams(parse(TEXT, "x")))
    chosen = re.findall(r'drained-(\S+)\) \{ set \$drained "(\S+)"; \}', text)
    assert [name for name, _ in chosen] == [instance.name for instance in INSTANCES]
    for _, ending in chosen:
        assert {f"{pool}{ending}" for pool in ("api_v1", "api_v2", "api_v2_canary")} <= names


def test_odd_words_are_quoted() -> None:
    group = parse('upstream a { zone z 64k; server unix:/a b; hash "$x;y" consistent; }', "x")
    text = drained_upstreams(group, [Instance("v1-1", "v1", 8101)])
    assert '    hash "$x;y" consistent;\n' in text
    assert parse(text, "x")


def test_nginx_takes_them(tmp_path: Path) -> None:
    (tmp_path / "upstreams.conf").write_text(TEXT)
    (tmp_path / "choice.conf").write_text(drained_choice(INSTANCES))
    (tmp_path / "nginx.conf").write_text(
        "pid nginx.pid; error_log stderr; events {}\n"
        "http { access_log off; include upstreams.conf; client_body_temp_path t; "
        "proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;\n"
        'server { listen 127.0.0.1:1; set $drained ""; location / { include choice.conf; '
        "proxy_pass http://api_v1$drained; } } }\n"
    )
    command = [nginx_program(), "-p", str(tmp_path), "-c", "nginx.conf", "-e", "stderr", "-t"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # Root alone may have port 1; -t has read every file by then.
    assert "syntax is ok" in done.stderr, done.stderr
