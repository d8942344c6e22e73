"""The model on MLServer, asked by the V2 (Open Inference) protocol: `mlserver start FOLDER`."""

from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

from bench.peer_model import answering


class Sentiment(MLModel):  # type: ignore[misc]
    """What model-settings.json names."""

    async def load(self) -> bool:
        """Load the model."""
        self._answer = answering()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """The class of each text."""
        texts = StringCodec.decode_input(payload.inputs[0])
        answers = [self._answer(text) for text in texts]
        return InferenceResponse(
            model_name=self.name, outputs=[StringCodec.encode_output("prediction", answers)]
        )
