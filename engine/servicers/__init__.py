"""The engine's gRPC face: unpack, call one method, pack."""
