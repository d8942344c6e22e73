"""One replica of a version: the application of services.app in a process that Ray started."""

import logging
from pathlib import Path

import ray.serve._private.replica as serve_replica
from ray import serve
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.app import add_faults, create_app
from services.artefact import read_manifest


class Replica:
    """What `serve.ingress()` makes a deployment of."""

    def __init__(
        self, version: str, digest: str, models_dir: str, faults: str | None = None
    ) -> None:
        """Serve the model of `version`. `digest` names it, so that another one is deployed anew.

        `faults`: the file that says how to misbehave (services.faults), for tests.
        """
        self._version, self._digest, self._models_dir = version, digest, models_dir
        self._faults = faults
        logging.getLogger("ray.serve").info("%s serves the model %s", version, digest)

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """Called by Serve in the replica's process, before it listens anywhere.

        Raises WrongModelError where the folder has another model than was deployed.
        """
        _listen_on_loopback_only()
        app = create_app(
            {
                "MODEL_VERSION": self._version,
                "INSTANCE": self._version,
                "MODELS_DIR": self._models_dir,
            }
        )
        # After it was loaded, so that one that was exchanged meanwhile is noticed as well.
        _require(self._digest, Path(self._models_dir) / self._version)
        if self._faults is not None:
            version = self._version
            add_faults(app, Path(self._faults), version, lambda: _instance(version))
        name(app, self._version)
        return app


class WrongModelError(Exception):
    """The model on disk is not the one that was deployed: a restart of the version deploys it."""


def _require(digest: str, model_dir: Path) -> None:
    _, found = read_manifest(model_dir)
    if found != digest:
        version = model_dir.name
        raise WrongModelError(
            f"{model_dir} holds the model {found}, deployed was {digest}: "
            f"`python -m scripts.restart {version}` deploys what is there"
        )


def _instance(version: str) -> str:
    """The version and the replica's rank, as in v1-2.

    Looked up each time: ranks are given anew when there are fewer replicas.
    """
    return f"{version}-{serve.get_replica_context().rank.rank + 1}"


def name(app: Starlette, version: str) -> None:
    """Have `Named` around all that `app` answers, the 500 of an exception included.

    Within `app`, because Serve counts by the routes of a FastAPI application; and not as one of its
    `middleware`, which have no part in that 500: it would pass for one of Serve's (proxy.py).
    """
    build = app.build_middleware_stack
    app.build_middleware_stack = lambda: Named(build(), version)  # type: ignore[method-assign]


class Named:
    """Adds X-Instance to every answer: the version and the replica's rank, as in v1-2.

    Ranks go from 0 to the number of replicas less one, and a replica that comes in the stead of
    another has the free one: so there are no more names than replicas.
    """

    def __init__(self, app: ASGIApp, version: str) -> None:
        self._app = app
        self._version = version

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                instance = (b"x-instance", _instance(self._version).encode())
                message["headers"] = [*message["headers"], instance]
            await send(message)

        await self._app(scope, receive, send_named)


def _listen_on_loopback_only() -> None:
    # Serve has replicas listen for each other on every address of the machine, whatever address
    # the node has (ray.serve._private.replica, `add_port_to_grpc_server(..., "[::]:0")`).
    add_port = serve_replica.add_port_to_grpc_server

    def add_loopback_port(server: object, address: str) -> int:
        return int(add_port(server, address.replace("[::]", "127.0.0.1")))

    serve_replica.add_port_to_grpc_server = add_loopback_port
