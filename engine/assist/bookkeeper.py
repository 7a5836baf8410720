"""Changes a tenant's replies and what was learned of them: first in the store, then in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from engine.assist.libraries import Libraries, Made
from engine.assist.memory import Feedback, Memory
from engine.assist.slot import SlotFiller
from engine.assist.ticket import Ticket
from engine.domain import Reply
from engine.errors import InvalidArgumentError, NotFoundError
from engine.ports import LEARNED, REPLIES, Clock, ReplyStore


@dataclass(frozen=True, slots=True)
class Prepared:
    """Replies that can be put in no time."""

    replies: list[Reply]
    made: Made


class Bookkeeper:
    """Called on the decision thread, but for `prepare` and `check`.

    A tenant that was never seen before starts with the sample replies.
    """

    def __init__(
        self,
        *,
        store: ReplyStore,
        library: Libraries,
        memory: Memory,
        filler: SlotFiller,
        clock: Clock,
        samples: Sequence[Reply],
    ) -> None:
        self._store = store
        self._library = library
        self._memory = memory
        self._filler = filler
        self._clock = clock
        self._samples = samples
        self._versions: dict[str, int] = {}  # of the replies in the library, by tenant

    @property
    def slots(self) -> Collection[str]:
        """What a text may name."""
        return self._filler.known.keys()

    def ready(self, tenant: str) -> None:
        """Have the tenant's replies and what was learned in memory, as all engines left them."""
        versions = self._store.versions(tenant)
        version = versions.get(REPLIES, 0)
        if not self._library.holds(tenant):
            self._store.seed(tenant, self._samples)
            self._library.load(tenant, self._store.replies(tenant))
        elif version != self._versions[tenant]:
            self._library.renew(tenant, self._store.replies(tenant))
        self._versions[tenant] = version
        self._memory.renew(tenant, versions.get(LEARNED, 0))

    def replies(self, tenant: str) -> list[Reply]:
        """All of the tenant's replies, by id."""
        self.ready(tenant)
        return self._library.replies(tenant)

    def text(self, tenant: str, reply_id: str) -> str:
        """What the reply says. Raises: NotFoundError."""
        self.ready(tenant)
        reply = self._library.reply(tenant, reply_id)
        if reply is None:
            raise NotFoundError(f"tenant {tenant} has no reply {reply_id}")
        return reply.text

    def put(self, tenant: str, replies: Sequence[Reply]) -> list[Reply]:
        """Create or replace, all or none; suggested from the next call on. As kept. Raises: InvalidArgumentError."""
        return self.keep(tenant, self.prepare(replies))

    def prepare(self, replies: Sequence[Reply]) -> Prepared:
        """What takes longest of `put`; from any thread. Raises: InvalidArgumentError."""
        self.check(replies)
        now_ms = self._clock.now_ms()
        kept = [replace(reply, updated_ms=now_ms) for reply in replies]
        return Prepared(kept, self._library.blocks(kept))

    def keep(self, tenant: str, prepared: Prepared) -> list[Reply]:
        """The rest of `put`."""
        self.ready(tenant)
        self._store.put_replies(tenant, prepared.replies)
        self._library.put(tenant, prepared.replies, prepared.made)
        return prepared.replies

    def check(self, replies: Sequence[Reply]) -> None:
        """Raises: InvalidArgumentError for a slot that nothing fills."""
        for reply in replies:
            try:
                self.check_slots(reply)
            except InvalidArgumentError as error:
                raise InvalidArgumentError(error.field, f"{reply.reply_id}: {error.problem}") from None

    def check_slots(self, reply: Reply) -> None:
        """Raises: InvalidArgumentError for a slot that nothing fills. From any thread."""
        self._filler.check(reply.slots)

    def delete(self, tenant: str, reply_id: str, request_id: str = "") -> None:
        """Remove it. Raises: NotFoundError, unless that request removed it before."""
        self.ready(tenant)
        self._store.delete_reply(tenant, reply_id, request_id, self._clock.now_ms())
        self._library.delete(tenant, reply_id)

    def unlearn(self, tenant: str, typed: str, reply_ids: Sequence[str]) -> None:
        """Forget what was learned of these replies where this was typed."""
        self._memory.unlearn(tenant, typed, reply_ids)

    def record(self, tenant: str, feedback: Feedback, of: Ticket) -> tuple[float, bool]:
        """The reward of a feedback, and whether it had been recorded before."""
        self.ready(tenant)
        return self._memory.record(tenant, feedback, of)
