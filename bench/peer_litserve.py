"""The model on LitServe: `python -m bench.peer_litserve PORT`."""

import os
import sys
from typing import Any

import litserve

from bench.peer_model import answering


class Sentiment(litserve.LitAPI):  # type: ignore[misc]
    """One process for the model each, behind as many that speak HTTP."""

    def setup(self, device: str) -> None:
        """Load the model; `device` is "cpu"."""
        self._answer = answering()

    def decode_request(self, request: dict[str, Any]) -> str:
        """The text."""
        return str(request["sentence"])

    def predict(self, x: str) -> str:
        """Its class."""
        return self._answer(x)

    def encode_response(self, output: str) -> dict[str, str]:
        """The answer."""
        return {"prediction": output}


def main() -> None:
    """Serve until it is ended."""
    workers = int(os.environ["PEER_WORKERS"])
    server = litserve.LitServer(
        Sentiment(api_path="/predict"), accelerator="cpu", workers_per_device=workers
    )
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        num_api_servers=workers,
        generate_client_file=False,
        log_level="error",
        access_log=False,
    )


if __name__ == "__main__":
    main()
