"""What the assist needs of a conversation's past, and what it makes of an agent's answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine.analysis.analyzer import Analyzer
from engine.assist import gap, ticket
from engine.assist.bookkeeper import Bookkeeper
from engine.assist.gap import Gap, Unanswered
from engine.assist.memory import Feedback
from engine.assist.suggester import Suggester
from engine.assist.ticket import Ticket
from engine.assist.wanted import Wanted
from engine.customer.informer import NOBODY, Customers
from engine.domain import OUT_OF_SCOPE, Heard
from engine.errors import NotFoundError
from engine.ports import Codec, ReplyStore

_KEPT = 1024  # conversations whose last messages stay read from one keystroke to the next
MESSAGES = 3  # of the customer's last that are read as context


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """Feedback as it came: the list by its id, or ("") the one that came with the conversation's last message."""

    feedback: Feedback
    list_id: str
    conversation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """A conversation's last messages, oldest first, as read from these records, and the metadata of all."""

    records: Sequence[bytes]
    heard: Sequence[Heard]
    texts: Sequence[str]
    told: Mapping[str, str]


class Adviser:
    """Called on the decision thread, `find_gaps` on any."""

    def __init__(
        self,
        *,
        store: ReplyStore,
        codec: Codec,
        bookkeeper: Bookkeeper,
        suggester: Suggester,
        analyzer: Analyzer,
        customers: Customers = NOBODY,
    ) -> None:
        self._store = store
        self._codec = codec
        self._bookkeeper = bookkeeper
        self._suggester = suggester
        self._analyzer = analyzer
        self._customers = customers
        self._said_last: dict[tuple[str, str], _Said] = {}

    def forget(self) -> None:
        """Know no text of a customer any more."""
        self._said_last.clear()

    def with_context(self, tenant: str, wanted: Wanted) -> Wanted:
        """With the conversation's last messages, its channel and what is known of the customer.

        Raises: NotFoundError.
        """
        self._bookkeeper.ready(tenant)
        if not wanted.conversation_id:
            return wanted
        said = self._said(tenant, wanted.conversation_id)
        return Wanted(
            typed=wanted.typed,
            messages=said.texts,
            conversation_id=wanted.conversation_id,
            language=wanted.language,
            team=wanted.team,
            channel=wanted.channel or said.heard[-1].channel,
            facts={**self._known(tenant, said), **said.told, **wanted.facts},
            limit=wanted.limit,
        )

    def record(self, tenant: str, returned: Returned) -> tuple[float, bool]:
        """The reward, and whether the call had been made before. Raises: InvalidArgumentError, NotFoundError."""
        feedback = returned.feedback
        if feedback.reply_id:
            text = self._bookkeeper.text(tenant, feedback.reply_id)
            feedback = replace(feedback, reply_text=text)
        return self._bookkeeper.record(tenant, feedback, self._ticket(tenant, returned))

    def records(self, tenant: str, messages: int) -> list[bytes]:
        """The tenant's newest messages as journaled, newest first."""
        return self._store.recent_records(tenant, "", messages)

    def find_gaps(self, records: Sequence[bytes], limit: int) -> tuple[int, list[Gap]]:
        """How many messages no reply answers well, and what they are about, largest first."""
        heard = map(self._codec.heard, records)
        poor = [one for one in heard if one.text.strip() and one.similarity < gap.POOR]
        if not poor:
            return 0, []
        read = self._analyzer.analyze([one.text for one in poor])
        unanswered = [
            Unanswered(
                text=one.text,
                language=read.languages[row],
                intent=one.intent or OUT_OF_SCOPE,
                similarity=one.similarity,
                embedding=read.embedding[row],
            )
            for row, one in enumerate(poor)
        ]
        return len(poor), gap.find_gaps(unanswered, limit)

    def _known(self, tenant: str, said: _Said) -> Mapping[str, str]:
        """What is known of the customer; messages that came without an id are the same customer's."""
        last = next((one for one in reversed(said.heard) if one.customer_id), None)
        if last is None:
            return {}
        return self._customers.facts_for(tenant, last.channel, last.customer_id, "\n".join(said.texts))

    def _ticket(self, tenant: str, returned: Returned) -> Ticket:
        if returned.list_id:
            return ticket.from_text(returned.list_id)
        return self._suggester.ticket(self._said(tenant, returned.conversation_id).texts[-1])

    def _said(self, tenant: str, conversation_id: str) -> _Said:
        """At least one message. Raises: NotFoundError."""
        records = self._store.recent_records(tenant, conversation_id, MESSAGES)
        if not records:
            raise NotFoundError(f"tenant {tenant} has no conversation {conversation_id}")
        known = self._said_last.get((tenant, conversation_id))
        if known is None or known.records != records:
            heard = [self._codec.heard(record) for record in reversed(records)]
            known = _Said(
                records=records,
                heard=heard,
                texts=[one.text for one in heard],
                told={key: value for one in heard for key, value in one.metadata.items()},
            )
            if len(self._said_last) >= _KEPT:
                self._said_last.clear()
            self._said_last[tenant, conversation_id] = known
        return known
