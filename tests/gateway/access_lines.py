"""Access log lines as nginx writes them, and rotation as logrotate does it."""

import json
from pathlib import Path

from gateway.accesslog import FIELDS
from gateway.open_log import rotated

TYPICAL = {
    "time": "1732341234.123",
    "request_id": "5f9c7c1e2b3a4d5e6f708192a3b4c5d6",
    "remote_addr": "127.0.1.12",
    "remote_user": "admin",
    "user_id": "user-17",
    "method": "POST",
    "uri": "/predict",
    "protocol": "HTTP/1.1",
    "status": "200",
    "bytes_sent": "512",
    "request_time": "0.003",
    "cohort": "v1",
    "instance": "v1-1",
    "upstream_addr": "127.0.0.1:8101",
    "upstream_status": "200",
    "upstream_response_time": "0.002",
    "limit_req_status": "PASSED",
    "prediction": "positive",
    "ssl_protocol": "TLSv1.3",
    "server": "gateway",
    "user_agent": "python-httpx/0.28",
}

NOT_PROXIED = {
    "cohort": "",
    "instance": "",
    "upstream_addr": "",
    "upstream_status": "",
    "upstream_response_time": "",
    "limit_req_status": "",
    "prediction": "",
}


def line(**changes: str) -> bytes:
    """A typical line with some fields changed, without its newline."""
    values = {**TYPICAL, **changes}
    pairs = (f"{json.dumps(key)}:{json.dumps(values[key], ensure_ascii=False)}" for key in FIELDS)
    return ("{" + ",".join(pairs) + "}").encode()


def rotate(path: Path) -> Path:
    """PATH to PATH.1, PATH.1 to PATH.2 and so on; returns PATH.1."""
    for number, found in reversed(list(enumerate(rotated(path), start=1))):
        found.rename(path.with_name(f"{path.name}.{number + 1}"))
    first = path.with_name(f"{path.name}.1")
    if path.exists():
        path.rename(first)
    return first
