"""Others that tell intents, on the same texts and the same machine: `python -m benchmarks.peers`."""
