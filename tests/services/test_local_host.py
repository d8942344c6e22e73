"""A page whose name was made to resolve to this machine (DNS rebinding) gets no answer."""

import pytest

from tests.services.asgi_client import ask
from tests.services.fake_model import served

LOCAL = (
    *("localhost", "localhost:8101", "127.0.0.1", "127.0.0.1:8101", "[::1]", "[::1]:8101"),
    *("[::ffff:127.0.0.1]:8101", "service", "api_v1", ""),
)
OTHERS = (
    *("evil.example", "evil.example:8101", "EVIL.example.", "127.0.0.1.evil.example"),
    *("localhost.evil.example:8101", "127.0.0.1@evil.example", "1.2.3", "127.0.0.1.", "a.b:c"),
)
PATHS = (("POST", "/predict"), ("GET", "/healthz"), ("GET", "/metrics"), ("GET", "/docs"))


@pytest.mark.parametrize("host", OTHERS)
def test_another_host_is_refused_on_every_path(host: str) -> None:
    app = served("v1")
    for method, path in PATHS:
        headers = {"Host": host, "X-Request-ID": "abcdefgh"}
        answer = ask(app, method, path, json={"sentence": "so good"}, headers=headers)
        assert answer.status_code == 421, path
        assert set(answer.json()) == {"detail", "request_id"}
        assert answer.json()["request_id"] == "abcdefgh"
    # Refusals count as any other answer does.
    counted = 'http_requests_total{handler="/predict",method="POST",status="421"} 1.0'
    assert counted in ask(app, "GET", "/metrics").text


@pytest.mark.parametrize("host", LOCAL)
def test_this_machine_is_answered(host: str) -> None:
    answer = ask(
        served("v2"), "POST", "/predict", json={"sentence": "so good"}, headers={"Host": host}
    )
    assert answer.status_code == 200
