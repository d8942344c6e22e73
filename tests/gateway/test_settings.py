"""Settings: .env, the environment over it, and messages that name file and line."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings import KEYS, Settings, SettingsError, load_settings, parse_dotenv

GOOD = """\
# demo
GATEWAY_USER=admin
GATEWAY_PASSWORD=admin

GATEWAY_HTTPS_PORT=8443
GATEWAY_HTTP_PORT=8080
GATEWAY_LISTEN_ADDRESS=127.0.0.1
"""
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(text: str) -> Path:
        (tmp_path / ".env").write_bytes(text.encode())
        return tmp_path

    return _write


def test_the_file_is_read(write: Write) -> None:
    settings = load_settings(write(GOOD), {})
    assert settings == Settings("admin", "admin", 8443, 8080, "127.0.0.1")
    assert settings.is_loopback
    assert settings.url == "https://localhost:8443"


def test_the_real_file_is_the_demo_on_loopback() -> None:
    settings = load_settings(Path(__file__).parents[2], {})
    assert settings == Settings("admin", "admin", 8443, 8080, "127.0.0.1")


def test_windows_line_ends(write: Write) -> None:
    assert load_settings(write(GOOD.replace("\n", "\r\n")), {}).https_port == 8443


def test_the_environment_wins_unless_it_is_empty(write: Write) -> None:
    environ = {"GATEWAY_HTTPS_PORT": "443", "GATEWAY_HTTP_PORT": "80", "GATEWAY_USER": ""}
    settings = load_settings(write(GOOD), environ)
    assert (settings.https_port, settings.http_port, settings.user) == (443, 80, "admin")
    assert settings.url == "https://localhost"


def test_the_environment_alone_is_enough(tmp_path: Path) -> None:
    values = ("ann", "a'b$c", "9443", "9080", "::1")
    settings = load_settings(tmp_path, dict(zip(KEYS, values, strict=True)))
    assert settings == Settings("ann", "a'b$c", 9443, 9080, "::1")


def test_the_password_is_never_shown(write: Write) -> None:
    root = write(GOOD.replace("PASSWORD=admin", "PASSWORD=s3cr3t-value"))
    assert "s3cr3t-value" not in repr(load_settings(root, {}))
    with pytest.raises(SettingsError) as caught:
        load_settings(root, {"GATEWAY_PASSWORD": "s3cr3t-value\n"})
    assert "s3cr3t-value" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("HTTPS_PORT=8443", "HTTPS_PORT=84430", 5, "1 to 65535"),
        ("HTTPS_PORT=8443", "HTTPS_PORT=0", 5, "1 to 65535"),
        ("HTTPS_PORT=8443", "HTTPS_PORT=+443", 5, "1 to 65535"),
        ("HTTPS_PORT=8443", "HTTPS_PORT=8_443", 5, "1 to 65535"),
        ("HTTPS_PORT=8443", "HTTPS_PORT=\u0668\u0664", 5, "1 to 65535"),
        ("HTTPS_PORT=8443", "HTTPS_PORT=", 5, "1 to 65535"),
        ("HTTP_PORT=8080", "HTTP_PORT=8443", 6, "a port of its own"),
        ("ADDRESS=127.0.0.1", "ADDRESS=localhost", 7, "such as 127.0.0.1"),
        ("ADDRESS=127.0.0.1", "ADDRESS=127.0.0.1:80", 7, "without port"),
        ("ADDRESS=127.0.0.1", "ADDRESS=[::1]", 7, "brackets"),
        ("_USER=admin", "_USER=ad:min", 2, "another name"),
        ("_USER=admin", "_USER=", 2, "another name"),
        ("_PASSWORD=admin", "_PASSWORD=", 3, "another password"),
        ("_PASSWORD=admin", f"_PASSWORD={'x' * 129}", 3, "another password"),
        ("_PASSWORD=admin", "_PASSWORD=a$b", 3, "single quotes"),
        ("_PASSWORD=admin", '_PASSWORD="a\\n"', 3, "single quotes"),
        ("_PASSWORD=admin", "_PASSWORD='a", 3, "single quotes"),
        ("_PASSWORD=admin", "_PASSWORD=a#b", 3, "single quotes"),
        ("_PASSWORD=admin", "_PASSWORD: admin", 3, "KEY=value"),
        ("_HTTP_PORT", "_HTTP_PROT", 6, "GATEWAY_HTTP_PORT"),
        ("GATEWAY_HTTP_PORT", "GATEWAY_HTTPS_PORT", 6, "first on line 5"),
    ],
)
def test_a_bad_line_is_named(write: Write, old: str, new: str, line: int, said: str) -> None:
    assert old in GOOD
    with pytest.raises(SettingsError, match=rf"^\.env:{line}: ") as caught:
        load_settings(write(GOOD.replace(old, new)), {})
    assert said in str(caught.value)


def test_a_bad_variable_is_named_as_such(write: Write) -> None:
    with pytest.raises(SettingsError, match=r"^environment variable GATEWAY_HTTP_PORT: "):
        load_settings(write(GOOD), {"GATEWAY_HTTP_PORT": "http"})


def test_a_missing_key_is_named(write: Write) -> None:
    with pytest.raises(SettingsError, match=r"^\.env: GATEWAY_USER is not set"):
        load_settings(write(GOOD.replace("GATEWAY_USER=", "OTHER=")), {})


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"^\.env: cannot be read"):
        load_settings(tmp_path, {})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=b", "b"),
        ("export A=b", "b"),
        ("  A = b  ", "b"),
        ("A=b # comment", "b"),
        ("A='b # c' # comment", "b # c"),
        ("A='b$c\\'", "b$c\\"),
        ('A="b c"', "b c"),
        ("A=", ""),
        ("A=# comment", ""),
        ("A=b=c", "b=c"),
    ],
)
def test_spellings(text: str, value: str) -> None:
    assert parse_dotenv(text) == {"A": (value, 1)}


@pytest.mark.parametrize(
    ("address", "loopback", "url"),
    [
        ("127.0.0.2", True, "https://localhost:1"),
        ("::1", True, "https://localhost:1"),
        ("0.0.0.0", False, "https://localhost:1"),  # noqa: S104 - parsed, not bound
        ("::", False, "https://localhost:1"),
        ("192.0.2.7", False, "https://192.0.2.7:1"),
        ("2001:db8::7", False, "https://[2001:db8::7]:1"),
    ],
)
def test_addresses(address: str, loopback: bool, url: str) -> None:
    settings = Settings("u", "p", 1, 2, address)
    assert (settings.is_loopback, settings.url) == (loopback, url)


@given(
    st.dictionaries(
        st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True),
        st.text(st.characters(exclude_characters="'", categories=["L", "N", "P", "S"])),
        max_size=5,
    )
)
def test_single_quotes_take_everything_literally(values: dict[str, str]) -> None:
    text = "\n".join(f"{key}='{value}'" for key, value in values.items())
    assert {key: value for key, (value, _) in parse_dotenv(text).items()} == values


@given(st.text())
def test_any_text_is_read_or_refused_with_a_line(text: str) -> None:
    try:
        found = parse_dotenv(text)
    except SettingsError as error:
        line = error.place.line
    else:
        line = 1
        assert all(value.isprintable() for value, _ in found.values())
    assert line in range(1, text.count("\n") + 2)
