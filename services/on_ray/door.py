"""The door to one version on Ray, in the place of a uvicorn process: INSTANCE, MODEL_VERSION, PORT.

    python -m services.on_ray.door

Deploys the version if the cluster does not serve the model that is in var/models, then becomes an
nginx that listens on PORT and sends to the Serve proxy of each node. So whoever restarts an
instance, to make it serve another model, does the same as ever.
"""

import fcntl
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

from services.artefact import ArtefactError, read_manifest
from services.on_ray import loopback
from services.settings import ServiceSettings, SettingsError, load_settings

EXIT_CONFIGURATION = 2
"""Exit code where settings, model or port cannot be used."""
PROXIES = (8701, 8702)
"""The Serve proxy of each node, as in door.conf."""
_ANSWER_S = 1.0
_CONF = Path(__file__).with_name("door.conf")
_SERVER = """\
# Written by services.on_ray.door at each start.
listen 127.0.0.1:{port};
set $version {version};
"""


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Open the door: the process becomes nginx. Where that cannot be, the exit code."""
    try:
        settings = load_settings(environ)
        _, digest = read_manifest(settings.model_dir)
        port = _port(environ.get("PORT", ""))
    except (SettingsError, ArtefactError) as error:
        _say(environ.get("INSTANCE") or "door", str(error))
        return EXIT_CONFIGURATION
    code = _deploy(settings, digest)
    if code != 0:
        _say(settings.instance, f"{settings.version} was not deployed; it is tried again")
        return code
    try:
        command = ["nginx", "-e", "stderr", "-p", "var", "-c", str(_write(settings, port))]
        command += ["-g", f"pid run/{settings.instance}.pid;"]
        os.execvp("nginx", command)  # noqa: S606 - no shell in between: signals are for nginx
    except OSError as error:
        _say(settings.instance, f"nginx cannot be started ({error}): make setup brings it")
        return EXIT_CONFIGURATION


def _deploy(settings: ServiceSettings, digest: str) -> int:
    """Have the cluster serve that model, unless it does; the exit code of who tried."""
    lock = loopback.TOKEN.parent / f"{settings.version}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    # The doors of one version start at the same time: the first one deploys for all.
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if served(settings.version) == digest:
            return 0
        begun = time.monotonic()
        python = loopback.ROOT / ".tools/ray/bin/python"
        try:
            done = subprocess.run([python, "-m", "services.on_ray.deploy", digest], check=False)
        except OSError as error:
            _say(
                settings.instance,
                f"{python} ({error.strerror}): scripts/bootstrap_ray.sh brings it",
            )
            return EXIT_CONFIGURATION
        if done.returncode == 0:
            took = time.monotonic() - begun
            _say(settings.instance, f"{settings.version} {digest} deployed in {took:.0f} s")
        return done.returncode


def served(version: str) -> str | None:
    """The digest of the model that replicas of that version serve, None where nobody answers."""
    for port in PROXIES:
        with suppress(OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_S)
            with closing(connection):
                connection.request("GET", f"/{version}/healthz", headers={"Host": "localhost"})
                response = connection.getresponse()
                if response.status == http.client.OK:
                    return str(json.loads(response.read(1 << 16))["model"])
    return None


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise SettingsError(f'PORT is "{text}": set it to a number from 1 to 65535')
    return int(text)


def _write(settings: ServiceSettings, port: int) -> Path:
    """A folder for this door with door.conf and what only it has beside that."""
    folder = loopback.ROOT / "var/ray" / settings.instance
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "door.conf").write_text(_CONF.read_text())
    (folder / "listen.conf").write_text(_SERVER.format(port=port, version=settings.version))
    return folder / "door.conf"


def _say(instance: str, text: str) -> None:
    sys.stderr.write(f"{instance}: {text}\n")


if __name__ == "__main__":
    raise SystemExit(main())
