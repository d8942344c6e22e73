"""`ray start` for a node that only this machine reaches: `python -m services.on_ray.loopback ...`.

Takes the arguments of `ray`. Ray itself takes a loopback address for an oversight: it puts the
machine's own address in its place and binds every address. On real machines use `ray` itself.
"""

import json
import os
import secrets
import stat
import sys
from pathlib import Path

from services.on_ray import cluster_folder

ROOT = Path(__file__).resolve().parent.parent.parent
TOKEN = ROOT / "var/ray/token"
"""What everybody who talks to the cluster has to know: it runs any code."""
TARGETS = ROOT / "var/ray/targets.json"
STATE_VARIABLE = "RAY_gcs_storage_path"
"""Names the folder of what the first node remembers (RAY_gcs_storage=rocksdb)."""
NICER = 5
"""Than the node that started before it, whose replicas are RAY_worker_niceness nicer than it is."""
_ADDRESS_FILE = "ray_current_cluster"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
METRICS_PORTS = {"ray-1": 8713, "ray-2": 8723}
"""As in process-compose.ray.yaml (`--metrics-export-port`)."""


def environment() -> dict[str, str]:
    """The variables that every process of the cluster, and every client of it, needs."""
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(TOKEN)}


def main() -> None:
    """Run `ray` with what is on the command line, on loopback addresses."""
    is_first = "--head" in sys.argv
    with cluster_folder.held(is_first) as earlier:
        # While it starts it must not take the processor from those that answer. On one machine;
        # what has been given away cannot be taken back, and 19 is the most.
        os.nice(NICER * earlier)
        if not is_first:
            _ray()
            return
        # A running node knows the one that is there.
        if earlier == 0 or not TOKEN.exists():
            _make_token()
        folder = cluster_folder.path() / "ray"
        # By it `ray start` would take the other node for a cluster that runs already.
        (folder / _ADDRESS_FILE).unlink(missing_ok=True)
        sys.argv.append(f"--temp-dir={folder}")
        os.environ[STATE_VARIABLE] = str(cluster_folder.state())
        _write_targets()
        try:
            _ray(ends_at_once=True)
        finally:
            TARGETS.unlink(missing_ok=True)


def _ray(ends_at_once: bool = False) -> None:
    """Run `ray`. `ends_at_once`: told to stop, the node ends as by a crash.

    Of one that ends politely Ray notes that its actors have ended as intended, Serve's controller
    among them: nobody would start that again when the node comes back.
    """
    os.environ.update(environment())
    # Imported here: they read the variables when they are imported.
    from ray._private import node, services
    from ray.scripts.scripts import main as ray

    services.resolve_ip_for_localhost = lambda host: host
    if ends_at_once:
        kill = node.Node.kill_all_processes

        def kill_at_once(
            self: object, check_alive: bool = True, allow_graceful: bool = False, wait: bool = False
        ) -> None:
            kill(self, check_alive=check_alive, allow_graceful=False, wait=wait)

        node.Node.kill_all_processes = kill_at_once
    ray()


def _make_token() -> None:
    """There is one that only its owner can read; one that others could read is none any more."""
    TOKEN.parent.mkdir(parents=True, exist_ok=True)
    if TOKEN.exists():
        found = TOKEN.stat()
        if not found.st_mode & _OTHERS and found.st_uid == os.getuid():
            return
        sys.stderr.write(f"ray: {TOKEN} could be read by others: there is another one now\n")
    # Beside it first, so that there never is an empty one.
    new = TOKEN.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
    new.rename(TOKEN)


def _write_targets() -> None:
    """Tell Prometheus where each node shows its metrics (the job `ray`)."""
    targets = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"node": node}}
        for node, port in METRICS_PORTS.items()
    ]
    TARGETS.write_text(json.dumps(targets))


if __name__ == "__main__":
    main()
