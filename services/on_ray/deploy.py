"""Deploys one version on the cluster of this machine.

    MODEL_VERSION=v1 python -m services.on_ray.deploy DIGEST

Ends when every replica serves the model that is in var/models now. Replicas with another model,
or with other settings, are replaced one after the other; the rest stay.
"""

import logging
import os
import sys
from pathlib import Path
from typing import Any

import yaml

from services.on_ray import loopback
from services.settings import ServiceSettings, load_settings

SETTINGS = Path(__file__).with_name("deployments.yaml")
CLUSTER = "127.0.0.1:8700"
"""As in process-compose.ray.yaml."""
PROXY_PORT = 8701
"""Of the first node; another node on the same machine: RAY_SERVE_WORKER_PROXY_HTTP_PORT."""

EXIT_CONFIGURATION = 2
"""Exit code where deployments.yaml cannot be used."""


class OptionsError(ValueError):
    """deployments.yaml has to be changed; the message says where."""


def deploy(settings: ServiceSettings, digest: str, options: dict[str, Any]) -> None:
    """Run the version with these options of `serve.deployment`, and wait until it does.

    Raises OptionsError where Serve does not take them.
    """
    _set_environment()
    from ray import serve

    from services.on_ray.replica import Replica

    version = settings.version
    try:
        deployment = serve.deployment(serve.ingress()(Replica), name=version, **options)
    except (TypeError, ValueError) as error:
        raise OptionsError(f"{SETTINGS.name}: {version}: {error}; correct that") from error
    connect()
    faults = None if settings.faults is None else str(settings.faults)
    replica = deployment.bind(version, digest, str(settings.models_dir), faults)
    serve.run(replica, name=version, route_prefix=f"/{version}")


def connect() -> None:
    """Become a client of the cluster, with a Serve proxy on each of its nodes."""
    _set_environment()
    import ray
    from ray import serve
    from ray.serve.config import HTTPOptions

    ray.init(
        address=CLUSTER,
        namespace="serve",
        log_to_driver=False,
        logging_level=logging.WARNING,
    )
    serve.start(
        proxy_location="EveryNode", http_options=HTTPOptions(host="127.0.0.1", port=PROXY_PORT)
    )


def _set_environment() -> None:
    # Before anything of Ray is imported: it reads the variables then.
    os.environ.update(loopback.environment(), RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0")


def main() -> int:
    """Deploy MODEL_VERSION. The digest of its model is on the command line."""
    settings = load_settings({**os.environ, "INSTANCE": "deploy"})
    try:
        deploy(settings, sys.argv[1], _options(settings.version))
    except OptionsError as error:
        sys.stderr.write(f"deploy: {error}\n")
        return EXIT_CONFIGURATION
    return 0


def _options(version: str) -> dict[str, Any]:
    """What deployments.yaml says of that version. Raises OptionsError."""
    try:
        options = yaml.safe_load(SETTINGS.read_text())[version]
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise OptionsError(f"{SETTINGS.name} has no options of {version} ({error})") from error
    if not isinstance(options, dict):
        raise OptionsError(f"{SETTINGS.name}: {version} is no mapping (option: value)")
    return options


if __name__ == "__main__":
    raise SystemExit(main())
