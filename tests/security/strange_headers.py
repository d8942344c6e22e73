"""Requests with headers that no client sends, each complete and one only, from a seed."""

from __future__ import annotations

from random import Random

from tests.nginx.wire import BASIC, WRONG

NAMES = (
    *("X-User-Id", "X-Experiment-Group", "X-Request-ID", "X-Cohort", "X-Shadow", "X-Instance"),
    *("X-Prediction", "X-Accel-Redirect", "X-Accel-Buffering", "X-Forwarded-For", "X-Real-IP"),
    *("Forwarded", "Via", "Cookie", "User-Agent", "Referer", "Accept", "Accept-Encoding"),
    *("Content-Type", "Content-Encoding", "Content-Range", "Range", "If-Match", "If-Range"),
    *("If-Modified-Since", "Upgrade", "TE", "Trailer", "Keep-Alive", "Proxy-Connection"),
    *("Authorization", "Proxy-Authorization", "Origin", "Early-Data", "Max-Forwards", "Host"),
    *("Proxy", "X_User_Id", "x-user-id", "", " ", ":", "a b", "\x01", "é", "()<>@", "X" * 300),
)
VALUES = (
    *("", " ", "\t", "-", ",", ";", '"', "'", "\\", "\\u0000", "%00", "%0d%0aX-Evil: 1", "$uri"),
    *("debug", "control", "debug, control", "v2", "1", "true", "close", "bytes=0-0", "bytes=9-1"),
    *("gzip", "application/json", "multipart/form-data; boundary=", "127.0.0.1", "localhost"),
    *("../../../etc/passwd", "{{7*7}}", "' OR 1=1 --", "<script>", "\x1b[2J", "\x7f", "\x00"),
    *("é", "\xff\xfe", "\u00a0", "Basic", "Basic ====", "Basic YQ==", "Bearer x", BASIC[15:]),
    *("h2c", "websocket", "/internal", "switchyard_bucket=" + "0f" * 16, "=", "=;=;=", "a" * 200),
    *("x" * 7_900, "x" * 8_200, "x" * 40_000, "😀".encode().decode("latin-1")),
)
METHODS = (
    *("POST",) * 60,
    *("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PROPFIND", "post"),
    *("P" * 40, "PO ST", "PÖST", "\x01", "MKCOL", "LOCK"),
)
PATHS = (
    *("/predict",) * 60,
    *("/", "*", "/predict/", "//predict", "/predict?" + "q" * 500, "/%ff", "/\xff"),
    *("/predict#x", "/./predict", "/predict;x=1", "http://localhost/predict", "/a b", "?", "/\\"),
    *("/stub_status", "/metrics", "/_error", "/_taken", "/predict%0d%0a", "/" + "x" * 9_000),
)
PROTOCOLS = (*("HTTP/1.1",) * 50, "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/9.9", "HTTP/1.", "HTP")
FRAMINGS = (
    *(((), b""),) * 2,
    *((("Content-Length: 18",), b'{"sentence": "hi"}'),) * 40,
    (("Transfer-Encoding: chunked",), b'12\r\n{"sentence": "hi"}\r\n0\r\n\r\n'),
    (("Transfer-Encoding: chunked",), b"0\r\nX-Trailer: 1\r\n\r\n"),
    (("Transfer-Encoding: gzip",), b""),
    (("Transfer-Encoding: chunked", "Content-Length: 2"), b"0\r\n\r\n"),
    (("Content-Length: 0", "Content-Length: 0"), b""),
    (("Content-Length: -1",), b""),
    (("Content-Length: 99999999999999999999999",), b""),
    (("Content-Length: 0x2",), b""),
    (("Content-Length: 2", "Expect: 100-continue"), b"{}"),
    (("Content-Length: 2", "Expect: nonsense"), b"{}"),
)
COLONS = (*(": ",) * 60, ":", " : ", "", ":\t", "::", "=")
ENDS = (*("\r\n",) * 80, "\n", "\r\n ", "\r", "\x00\r\n")


def strange(random: Random) -> bytes:
    """One request. Whatever is made of it, the connection is over with its answer."""
    line = f"{random.choice(METHODS)} {random.choice(PATHS)} {random.choice(PROTOCOLS)}"
    lines = [line + random.choice(("\r\n",) * 30 + ("\n",))]
    if random.random() < 0.95:
        lines.append(f"Host: {random.choice(('localhost',) * 30 + ('evil.example', 'é', ''))}\r\n")
    lines.append("Connection: close\r\n")
    if random.random() < 0.9:
        lines.append(f"{random.choice((BASIC, BASIC, BASIC, WRONG))}\r\n")
    for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3, 10, 120))):
        name, value = random.choice(NAMES), random.choice(VALUES)
        lines.append(f"{name}{random.choice(COLONS)}{value}{random.choice(ENDS)}")
    framing, body = random.choice(FRAMINGS)
    lines += [f"{each}\r\n" for each in framing]
    return "".join([*lines, "\r\n"]).encode("latin-1", "replace") + body
