"""A service on FastAPI around a function from texts to intents, as most teams would write it."""

from __future__ import annotations

from collections.abc import Callable

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.peers import side


class Question(BaseModel):
    """What to read."""

    texts: list[str]


class Answer(BaseModel):
    """What was read, in order."""

    intents: list[str]
    confidences: list[float]


KEPT = 600  # seconds that a connection may be idle while others are measured
Read = Callable[[list[str]], tuple[list[str], list[float]]]


def serve(name: str, read: Read) -> None:
    """Answer POST /intents until told to stop."""
    app = FastAPI()

    def answer(question: Question) -> Answer:
        intents, confidences = read(question.texts)
        return Answer(intents=intents, confidences=confidences)

    app.post("/intents")(answer)
    port = side.free_port()
    side.announce(name, port)
    uvicorn.run(
        app, host="127.0.0.1", port=port, log_level="warning", access_log=False, timeout_keep_alive=KEPT
    )
