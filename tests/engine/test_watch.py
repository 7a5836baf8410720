from __future__ import annotations

import asyncio
import threading

from engine.domain import Conversation, ConversationState
from engine.watch import MAX_BEHIND, Console, Watch
from tests.fakes import TENANT, make_conversation

ASSIGNED = ConversationState.ASSIGNED


def held(agent_id: str = "ann", conversation_id: str = "c1", **changes: object) -> Conversation:
    return make_conversation(conversation_id, agent_id=agent_id, state=ASSIGNED, **changes)


async def shown(console: Console) -> list[Conversation | None]:
    """Everything so far, once what was published is delivered."""
    await asyncio.sleep(0)
    return [console.changes.get_nowait() for _ in range(console.changes.qsize())]


async def test_an_agent_sees_what_they_hold_and_nothing_else() -> None:
    watch = Watch()
    with watch.watching(TENANT, "ann") as console:
        watch.publish(TENANT, [held("ann"), held("bob", "c2"), make_conversation("c3")])
        watch.publish("other", [held("ann", "c4")])

        assert await shown(console) == [held("ann")]


async def test_an_agent_sees_once_that_a_conversation_was_taken_away() -> None:
    watch = Watch()
    with watch.watching(TENANT, "ann") as console:
        watch.publish(TENANT, [held("ann")])
        watch.publish(TENANT, [held("bob")])
        watch.publish(TENANT, [held("cat")])

        assert await shown(console) == [held("ann"), held("bob")]


async def test_what_was_held_before_is_followed() -> None:
    watch = Watch()
    with watch.watching(TENANT, "ann") as console:
        watch.begin(console, [held("ann")])
        watch.publish(TENANT, [held("bob")])

        assert await shown(console) == [held("bob")]


async def test_who_takes_part_sees_it_as_well() -> None:
    watch = Watch()
    with watch.watching(TENANT, "ann") as console:
        watch.publish(TENANT, [held("bob", participants=("ann",))])

        assert await shown(console) == [held("bob", participants=("ann",))]


async def test_two_consoles_of_an_agent_see_the_same() -> None:
    watch = Watch()
    with watch.watching(TENANT, "ann") as one, watch.watching(TENANT, "ann") as other:
        watch.publish(TENANT, [held("ann")])

        assert [await shown(one), await shown(other)] == [[held("ann")]] * 2


async def test_a_console_that_reads_too_slowly_is_cut_off_behind_what_it_may_be_behind() -> None:
    watch = Watch()
    with watch.watching(TENANT, "ann") as console:
        watch.publish(TENANT, [held("ann", f"c{number}") for number in range(MAX_BEHIND + 5)])
        seen = await shown(console)

    assert len(seen) == MAX_BEHIND + 1
    assert seen[-1] is None


async def test_nothing_is_kept_of_a_console_that_is_gone() -> None:
    watch = Watch()
    with watch.watching(TENANT, "ann") as console:
        watch.publish(TENANT, [held("ann")])
        await shown(console)
    watch.begin(console, [held("ann")])
    watch.publish(TENANT, [held("ann")])

    assert await shown(console) == []
    assert (dict(watch._of_agent), dict(watch._showing)) == ({}, {})


async def test_changes_may_come_from_any_thread() -> None:
    watch = Watch()
    with watch.watching(TENANT, "ann") as console:
        thread = threading.Thread(target=watch.publish, args=(TENANT, [held("ann")]))
        thread.start()

        assert await asyncio.wait_for(console.changes.get(), 10) == held("ann")
        thread.join()
