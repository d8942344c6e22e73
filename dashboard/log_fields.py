"""The fields of a log line, as nginx wrote them: the inverse of gateway.accesslog.parse."""

from __future__ import annotations

from gateway.accesslog import Access


def log_fields(access: Access) -> dict[str, str]:
    """The fields of the log line that `access` was parsed from, in its order."""
    fields: dict[str, str] = {}
    for name, value in access._asdict().items():
        if name == "upstream_attempts":
            fields |= _attempt_fields(access)
        elif name in ("time", "request_time"):
            fields[name] = f"{value:.3f}"
        elif name == "status":
            fields[name] = f"{value:03d}"
        else:
            fields[name] = str(value)
    return fields


def _attempt_fields(access: Access) -> dict[str, str]:
    attempts = access.upstream_attempts
    # Between two servers of an upstream and between two upstreams, as nginx separates them.
    separators = [", " if attempt.retried else " : " for attempt in attempts[:-1]]
    separators.append("")
    columns = {
        "upstream_addr": [attempt.address for attempt in attempts],
        "upstream_status": ["-" if a.status is None else f"{a.status:03d}" for a in attempts],
        "upstream_response_time": ["-" if a.time is None else f"{a.time:.3f}" for a in attempts],
    }
    return {
        name: "".join(
            value + separator for value, separator in zip(values, separators, strict=True)
        )
        if attempts
        else ""
        for name, values in columns.items()
    }
