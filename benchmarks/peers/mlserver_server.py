"""MLServer with our bundle behind its gRPC: the same encoder and heads, another way to serve them."""

from __future__ import annotations

from benchmarks.peers import side

# isort: split
import asyncio
from pathlib import Path

from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse

from models import bundle

NAME = "intents"
LARGEST = 256  # texts that MLServer joins
WAIT = 0.002  # seconds that it waits for more


class Reading(MLModel):  # type: ignore[misc]  # mlserver is not installed where types are checked
    """Texts in, intents and confidences out."""

    async def load(self) -> bool:
        """Read the bundle."""
        self._bundle = bundle.load(Path(self.settings.parameters.uri))
        self._names = [*self._bundle.intents, side.OUT_OF_SCOPE]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answer each text."""
        texts = StringCodec.decode_input(payload.inputs[0])
        found = self._bundle.predict(texts)
        rows = zip(found.intent.tolist(), found.in_scope.tolist(), strict=True)
        intents = [self._names[intent if inside else -1] for intent, inside in rows]
        return InferenceResponse(
            model_name=self.name,
            outputs=[
                StringCodec.encode_output("intent", intents),
                NumpyCodec.encode_output("confidence", found.confidence),
            ],
        )


async def _serve(name: str, folder: Path) -> None:
    ports = {name: side.free_port() for name in ("http_port", "grpc_port", "metrics_port")}
    server = MLServer(Settings(host="127.0.0.1", parallel_workers=0, debug=False, **ports))
    model = ModelSettings(
        name=NAME,
        implementation=Reading,
        parameters=ModelParameters(uri=str(folder)),
        max_batch_size=LARGEST,
        max_batch_time=WAIT,
    )
    side.announce(name, ports["grpc_port"])
    await server.start([model])


def main() -> None:
    """Serve; the bundle is there, there is nothing to learn."""
    args = side.parse("mlserver_server")
    if not args.learn:
        asyncio.run(_serve(args.name, args.folder))


if __name__ == "__main__":
    main()
