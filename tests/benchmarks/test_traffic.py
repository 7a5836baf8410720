from __future__ import annotations

import itertools

from yingda.v1 import message_pb2, message_service_pb2

from benchmarks.traffic import NEW_SHARE, Traffic


def traffic(seed: str = "1", name: str = "s") -> Traffic:
    return Traffic(map(str, itertools.count()), tenant="t", name=name, seed=seed)


def messages(count: int) -> list[message_pb2.Message]:
    source = traffic()
    return [source.message() for _ in range(count)]


def test_equal_seeds_give_equal_frames() -> None:
    assert traffic().frame(64) == traffic().frame(64)


def test_another_seed_gives_another_mix() -> None:
    assert traffic("1").frame(64) != traffic("2").frame(64)


def test_a_frame_holds_as_many_messages_as_asked() -> None:
    frame = message_service_pb2.StreamMessagesRequest.FromString(traffic().frame(64))

    assert len({one.message_id for one in frame.messages}) == 64


def test_the_share_of_new_conversations_is_kept() -> None:
    customers = {one.customer_id for one in messages(4000)}

    assert abs(len(customers) / 4000 - NEW_SHARE) < 0.03


def test_a_customer_stays_on_one_channel() -> None:
    places = {(one.customer_id, one.channel) for one in messages(1000)}

    assert len(places) == len({customer for customer, _ in places})


def test_sources_of_different_names_share_nobody() -> None:
    first, second = (traffic(name=name).message() for name in ("s0", "s1"))

    assert first.customer_id != second.customer_id
    assert first.message_id != second.message_id
