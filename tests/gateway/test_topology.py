"""What runs where: the real files, and messages about files that cannot be read."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import TopologyError
from gateway.nginx_files import Directive, parse, status_listen, upstreams, walk
from gateway.settings import load_settings
from gateway.topology import Instance, load_topology

ROOT = Path(__file__).parents[2]
Edit = Callable[[str, str, str], None]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "process-compose.yaml", tmp_path)
    shutil.copytree(ROOT / "nginx", tmp_path / "nginx", ignore=shutil.ignore_patterns("certs"))
    return tmp_path


@pytest.fixture
def edit(copy: Path) -> Edit:
    def _edit(file: str, old: str, new: str) -> None:
        text = (copy / file).read_text()
        assert old in text
        (copy / file).write_text(text.replace(old, new, 1))

    return _edit


def test_the_real_files() -> None:
    topology = load_topology(ROOT, load_settings(ROOT, {}))
    assert topology.instances[:4] == (
        Instance("v1-1", "v1", 8101),
        Instance("v1-2", "v1", 8102),
        Instance("v1-3", "v1", 8103),
        Instance("v2-1", "v2", 8201),
    )
    assert topology.versions[:2] == ("v1", "v2")
    assert (topology.https_port, topology.http_port, topology.status_port) == (8443, 8080, 8081)
    assert (topology.exporter_port, topology.prometheus_port) == (9145, 9090)
    assert topology.grafana_port == 3000


def test_an_address_of_the_log_is_an_instance() -> None:
    topology = load_topology(ROOT, load_settings(ROOT, {}))
    assert topology.instance_at("127.0.0.1:8102") == Instance("v1-2", "v1", 8102)
    assert topology.instance_at("127.0.0.1:9090") is None
    assert topology.instance_at("-") is None


def test_the_public_ports_follow_the_settings() -> None:
    environ = {"GATEWAY_HTTPS_PORT": "443", "GATEWAY_HTTP_PORT": "80"}
    topology = load_topology(ROOT, load_settings(ROOT, environ))
    assert (topology.https_port, topology.http_port) == (443, 80)


def test_an_instance_is_added_in_one_place(copy: Path, edit: Edit) -> None:
    new = (
        '  v9-1: { <<: *instance, environment: ["INSTANCE=v9-1", "MODEL_VERSION=v9", "PORT=8901"] }'
    )
    edit("process-compose.yaml", "  # ---- the entry", f"{new}\n  # ---- the entry")
    before = load_topology(ROOT, load_settings(ROOT, {}))
    topology = load_topology(copy, load_settings(ROOT, {}))
    assert topology.instances == (*before.instances, Instance("v9-1", "v9", 8901))
    assert topology.versions == (*before.versions, "v9")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"PORT=8101"', '"PORT=81o1"', "'81o1' is not a port"),
        ('"PORT=8101"', '"PORT=70000"', "'70000' is not a port"),
        (', "PORT=8101"', "", "v1-1 has INSTANCE but no PORT"),
        ('"MODEL_VERSION=v1", ', "", "v1-1 has INSTANCE but no MODEL_VERSION"),
        ('"INSTANCE=v1-1"', '"INSTANCE"', "'INSTANCE' has no value"),
        ("port: 8101", "port: many", "'many' is not a port"),
        ('["INSTANCE=v1-1"', '"INSTANCE=v1-1"]#', "expected a list"),
    ],
)
def test_a_bad_declaration_is_named(copy: Path, edit: Edit, old: str, new: str, said: str) -> None:
    file = "process-compose.yaml"
    line = (copy / file).read_text().partition(old)[0].count("\n") + 1
    if said == "expected a list":
        edit(
            file,
            'environment: ["INSTANCE=v1-1", "MODEL_VERSION=v1", "PORT=8101"]',
            "environment: x",
        )
    else:
        edit(file, old, new)
    with pytest.raises(TopologyError, match=rf"^process-compose\.yaml:{line}: ") as caught:
        load_topology(copy, load_settings(ROOT, {}))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("process-compose.yaml", None, "cannot be read (No such file"),
        ("process-compose.yaml", "", "is empty"),
        ("process-compose.yaml", "a: b: c", "not valid YAML"),
        ("process-compose.yaml", "version: 1", "`processes` is missing"),
        ("process-compose.yaml", "processes: { a: {} }", "no process has an INSTANCE"),
        ("nginx/conf.d/servers.conf", "", "no server has stub_status"),
        ("nginx/conf.d/servers.conf", "server {", "{ is never closed"),
        ("nginx/conf.d/servers.conf", "server { location / { stub_status; } }", "no `listen`"),
    ],
)
def test_a_file_that_cannot_be_read(copy: Path, file: str, content: str | None, said: str) -> None:
    if content is None:
        (copy / file).unlink()
    else:
        (copy / file).write_text(content)
    with pytest.raises(TopologyError) as caught:
        load_topology(copy, load_settings(ROOT, {}))
    assert said in str(caught.value)


def test_a_process_of_ours_that_is_gone(copy: Path, edit: Edit) -> None:
    edit("process-compose.yaml", "  exporter:\n", "  importer:\n")
    with pytest.raises(TopologyError, match="the process `exporter` is missing"):
        load_topology(copy, load_settings(ROOT, {}))


NGINX = """\
# upstream commented { server 127.0.0.1:1; }
upstream a {
    server 127.0.0.1:1 weight=2;   # first
    server
      127.0.0.1:2 backup;
}
log_format x '{"a;b": "${c}"}'  "}#";
server { listen [::1]:81; location = /s { stub_status; } }
map "" $m { "~^a{2}$" "x y"; default \\$z; a#b 'it''s'; }
"""


def test_the_grammar_of_nginx() -> None:
    directives = parse(NGINX, "n.conf")
    found = upstreams(directives)
    assert list(found) == ["a"]
    assert [(s.address, s.backup, s.place.line) for s in found["a"].servers] == [
        ("127.0.0.1:1", False, 3),
        ("127.0.0.1:2", True, 4),
    ]
    assert directives[1].args == ("x", '{"a;b": "${c}"}', "}#")
    port, place = status_listen(directives)
    assert (port, str(place)) == (81, "n.conf:8")
    assert [row.name for row in directives[3].block or ()] == ["~^a{2}$", "default", "a#b"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a;\n}", 2, "unexpected }"),
        ("a {\n b }", 2, "unexpected } after 'b'"),
        ("a {\n b;\n", 1, "never closed"),
        ("a\nb", 1, "'a' has no end"),
        ("a;\n;", 2, "unexpected ;"),
        ("a;\n{}", 2, "unexpected {"),
        ("a;\n b \\", 2, "unfinished word"),
    ],
)
def test_a_fault_is_named(text: str, line: int, said: str) -> None:
    with pytest.raises(TopologyError, match=rf"^n\.conf:{line}: ") as caught:
        parse(text, "n.conf")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "file", sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "nginx").rglob("*.conf"))
)
def test_the_real_files_are_read_as_crossplane_reads_them(file: str) -> None:
    import crossplane

    parsed = crossplane.parse(
        str(ROOT / file), single=True, check_ctx=False, check_args=False, comments=False
    )
    expected: list[tuple[str, list[str], int]] = []

    def flatten(block: list[dict[str, object]]) -> None:
        for item in block:
            args = item["args"]
            assert isinstance(args, list)
            expected.append((str(item["directive"]), args, int(str(item["line"]))))
            inner = item.get("block", [])
            assert isinstance(inner, list)
            flatten(inner)

    flatten(parsed["config"][0]["parsed"])
    found = [
        (item.name, _without_brackets(item), item.place.line)
        for item in walk(parse((ROOT / file).read_text(), file))
    ]
    assert expected
    assert found == expected


def _without_brackets(directive: Directive) -> list[str]:
    # crossplane takes the brackets of an `if` off, nginx passes them on.
    args = list(directive.args)
    if directive.name == "if":
        args[0], args[-1] = args[0].removeprefix("("), args[-1].removesuffix(")")
        args = [arg for arg in args if arg]
    return args


WORD = st.text(st.characters(categories=["L", "N"], max_codepoint=0x2FF), min_size=1, max_size=6)


def _quote(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@given(st.lists(st.tuples(WORD, st.lists(WORD, max_size=3), st.booleans()), max_size=6))
def test_what_is_written_is_read(rows: list[tuple[str, list[str], bool]]) -> None:
    lines = [" ".join([name, *map(_quote, args)]) + (" {}" if b else ";") for name, args, b in rows]
    found = parse("\n".join(lines), "n.conf")
    assert [(d.name, list(d.args), d.block is not None) for d in found] == rows
    assert [d.place.line for d in found] == list(range(1, len(rows) + 1))


@given(st.text(st.sampled_from("ab {};#\"'\\$\n")))
def test_any_text_is_read_or_refused_with_a_line(text: str) -> None:
    try:
        lines = {directive.place.line for directive in walk(parse(text, "n.conf"))}
    except TopologyError as error:
        lines = {error.place.line}
    assert lines <= set(range(1, text.count("\n") + 2))
