"""Who may ask, and what is answered: redirect, password, paths, headers."""

import httpx
import pytest

from tests.nginx.conftest import Connect, Gateway
from tests.nginx.wire import post

ERROR_KEYS = {"detail", "request_id"}


@pytest.mark.parametrize(
    ("method", "status"), [("GET", 301), ("HEAD", 301), ("POST", 308), ("DELETE", 308)]
)
def test_http_is_redirected(gateway: Gateway, method: str, status: int) -> None:
    for host in ("localhost", "127.0.0.1"):
        answer = httpx.request(method, f"http://{host}:{gateway.http_port}/predict?x=%20y")
        assert answer.status_code == status
        assert answer.headers["location"] == f"https://{host}:{gateway.https_port}/predict?x=%20y"


def test_redirect_goes_to_no_other_host(gateway: Gateway) -> None:
    answer = httpx.get(
        f"http://127.0.0.1:{gateway.http_port}/predict", headers={"Host": "evil.example"}
    )
    assert answer.status_code == 421
    assert "location" not in answer.headers


@pytest.mark.parametrize("login", [None, ("admin", "wrong"), ("nobody", "admin")])
def test_without_the_password_nothing_is_answered(
    gateway: Gateway, connect: Connect, login: tuple[str, str] | None
) -> None:
    answer = connect(login).post("/predict", json={})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="Switchyard"'
    assert set(answer.json()) == ERROR_KEYS
    assert not any(standin.received for standin in gateway.instances.values())


def test_health_needs_no_password_and_leaves_no_line(gateway: Gateway, connect: Connect) -> None:
    client = connect(None)
    answer = client.get("/healthz?deep=1")
    assert answer.status_code == 200
    assert answer.headers["x-instance"] in {"v1-1", "v1-2", "v1-3"}
    assert client.post("/healthz").status_code == 405
    client.get("/elsewhere")
    assert [line["uri"] for line in gateway.log(1)] == ["/elsewhere"]


@pytest.mark.parametrize("path", ["/%70redict", "/x/../predict", "/./predict"])
def test_odd_spellings_of_the_path_reach_an_instance_as_the_path(
    gateway: Gateway, path: str
) -> None:
    with gateway.wire() as wire:
        assert wire.ask(post(path=path)).status == 200
    assert [seen.path for standin in gateway.v1 for seen in standin.received] == ["/predict"]


def test_client_sees_the_instance_and_nothing_internal(client: httpx.Client) -> None:
    headers = client.post("/predict", json={}).headers
    assert headers["x-instance"].startswith("v1-")
    assert headers["server"] == "nginx"
    assert not {"x-prediction", "x-powered-by"} & set(headers)


@pytest.mark.parametrize("path", ["/predict", "/nowhere"])
def test_every_answer_has_the_security_headers(client: httpx.Client, path: str) -> None:
    headers = client.post(path, json={}).headers
    assert {name: headers.get_list(name) for name in headers if name in SECURITY} == SECURITY


SECURITY = {
    "x-content-type-options": ["nosniff"],
    "x-frame-options": ["DENY"],
    "content-security-policy": ["default-src 'none'; frame-ancestors 'none'"],
    "referrer-policy": ["no-referrer"],
    "cache-control": ["no-store"],
}


@pytest.mark.parametrize("sent", ["abcd1234", "A.b_c-" * 10])
def test_a_request_id_is_kept(gateway: Gateway, client: httpx.Client, sent: str) -> None:
    answer = client.post("/predict", json={}, headers={"X-Request-ID": sent})
    assert answer.headers.get_list("x-request-id") == [sent]
    assert gateway.log(1)[0]["request_id"] == sent


@pytest.mark.parametrize("sent", ["short", "x" * 65, 'quote"quote', "eight ch", ""])
def test_a_bad_request_id_is_replaced(client: httpx.Client, sent: str) -> None:
    answer = client.post("/predict", json={}, headers={"X-Request-ID": sent})
    (given,) = answer.headers.get_list("x-request-id")
    assert len(given) == 32
    assert set(given) <= set("0123456789abcdef")
