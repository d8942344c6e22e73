"""`ray start` for a node that only this machine reaches: `python -m services.on_ray.loopback ...`.

Takes the arguments of `ray`. Ray itself takes a loopback address for an oversight: it puts the
machine's own address in its place and binds every address. On real machines use `ray` itself.
"""

import json
import os
import secrets
import shutil
import stat
import sys
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TOKEN = ROOT / "var/ray/token"
"""What everybody who talks to the cluster has to know: it runs any code."""
TARGETS = ROOT / "var/ray/targets.json"
_TEMPORARY = Path("/tmp")  # noqa: S108 - not TMPDIR, which may be long; what is in there is 0700
METRICS_PORTS = {"ray-1": 8713, "ray-2": 8723}
"""As in process-compose.ray.yaml (`--metrics-export-port`)."""


def environment() -> dict[str, str]:
    """The variables that every process of the cluster, and every client of it, needs."""
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(TOKEN)}


def temporary_folder() -> Path:
    """Where the cluster of this clone keeps sockets and logs.

    Not below var/: the path of a socket has at most 107 bytes, of which Ray takes 66 and "/ray" 4.
    """
    name = sha256(str(ROOT).encode()).hexdigest()[:8]
    return _TEMPORARY / f"switchyard-{os.getuid()}-{name}"


def main() -> None:
    """Run `ray` with what is on the command line, on loopback addresses."""
    if "--head" not in sys.argv:
        _ray()
        return
    _make_token()
    sys.argv.append(f"--temp-dir={_empty_folder() / 'ray'}")
    _write_targets()
    try:
        _ray()
    finally:
        TARGETS.unlink(missing_ok=True)
        shutil.rmtree(temporary_folder(), ignore_errors=True)


def _ray() -> None:
    os.environ.update(environment())
    # Imported here: they read the variables when they are imported.
    from ray._private import services
    from ray.scripts.scripts import main as ray

    services.resolve_ip_for_localhost = lambda host: host
    ray()


def _make_token() -> None:
    TOKEN.parent.mkdir(parents=True, exist_ok=True)
    if not TOKEN.exists():
        # Beside it first, so that there never is an empty one.
        new = TOKEN.with_suffix(".new")
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
        new.rename(TOKEN)


def _empty_folder() -> Path:
    """The folder without what an earlier cluster left, and ours alone: Ray opens what it makes."""
    folder = temporary_folder()
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        raise SystemExit(f"ray: {folder} is not ours: remove it, or have its owner do it") from None
    return folder


def _write_targets() -> None:
    """Tell Prometheus where each node shows its metrics (the job `ray`)."""
    targets = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"node": node}}
        for node, port in METRICS_PORTS.items()
    ]
    TARGETS.write_text(json.dumps(targets))


if __name__ == "__main__":
    main()
