"""The model as a BentoML service: `bentoml serve bench.peer_bentoml:Sentiment`."""

import os

import bentoml

from bench.peer_model import answering


@bentoml.service(workers=int(os.environ["PEER_WORKERS"]), logging={"access": {"enabled": False}})
class Sentiment:
    """One worker process each."""

    def __init__(self) -> None:
        self._answer = answering()

    @bentoml.api  # type: ignore[untyped-decorator]
    async def predict(self, sentence: str) -> dict[str, str]:
        """In the event loop, as ours: a thread for each request costs more than it brings."""
        return {"prediction": self._answer(sentence)}
