from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import echo
from benchmarks.errors import BenchmarkError
from benchmarks.exchange import exchange, opened
from benchmarks.process import spawned

ECHO = ["benchmarks.echo", "--frame-bytes", "1000", "--message-bytes", "10"]


async def test_a_service_that_does_not_start_is_reported_with_its_log(tmp_path: Path) -> None:
    with (
        spawned("echo", ["benchmarks.absent"], tmp_path) as service,
        pytest.raises(BenchmarkError, match=r"No module named benchmarks\.absent"),
    ):
        await service.serving()


async def test_a_service_has_used_time_and_memory_once_it_serves(tmp_path: Path) -> None:
    with spawned("echo", ECHO, tmp_path) as service:
        await service.serving()

        assert service.seconds_to_serving > 0
        assert service.cpu_seconds() > 0
        assert service.rss_mb() > 1


async def test_every_frame_is_answered(tmp_path: Path) -> None:
    with spawned("echo", ECHO, tmp_path) as service:
        await service.serving()
        async with opened(service.address, echo.STREAM, 2) as calls:
            found = await exchange(calls, [[b"a", b"b"], [b"c"]], [service], 10.0)

    assert found.answers == [bytes(1000)] * 3
    assert found.cpu.keys() == {"echo", "client"}


async def test_frames_stop_when_the_time_is_over(tmp_path: Path) -> None:
    with spawned("echo", ECHO, tmp_path) as service:
        await service.serving()
        async with opened(service.address, echo.STREAM, 1) as calls:
            found = await exchange(calls, [[b"a"] * 1_000_000], [service], 0.05)

    assert 0 < len(found.answers) < 1_000_000


async def test_a_stream_that_ends_early_is_no_measurement(tmp_path: Path) -> None:
    with spawned("echo", ECHO, tmp_path) as service:
        await service.serving()
        # Who notices first hangs on timing: the write, the read, or the call.
        with pytest.raises(BenchmarkError, match=r"a stream (failed|ended)"):
            async with opened(service.address, "/no.such.Service/Method", 1) as calls:
                await exchange(calls, [[b"a"]], [service], 1.0)
