"""AssistService."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
from yingda.service.held import Held
from yingda.v1 import assist_service_pb2 as pb
from yingda.v1.assist_service_pb2_grpc import AssistServiceServicer

from engine.assist.adviser import Adviser, Returned
from engine.assist.ranker import Ranked
from engine.assist.rehearsal import Rehearsal
from engine.assist.suggester import Suggester
from engine.assist.wanted import Wanted
from engine.servicers import convert, convert_assist, convert_reply
from engine.threads import Threads
from engine.timeline.labels import LabelBook

Context = grpc.aio.ServicerContext[Any, Any]


class AssistServicer(AssistServiceServicer):
    """Helps an agent to answer. State is read on the decision thread, shelves are searched on the searchers'.

    Most keystrokes ask what the one before asked, with another letter: these are answered on the decision thread too,
    because going to another one costs more than the search.
    """

    def __init__(
        self,
        *,
        held: Held,
        adviser: Adviser,
        rehearsal: Rehearsal,
        suggester: Suggester,
        labels: LabelBook,
        threads: Threads,
    ) -> None:
        self._held = held
        self._adviser = adviser
        self._rehearsal = rehearsal
        self._suggester = suggester
        self._policies = rehearsal.policies
        self._labels = labels
        self._thread = threads.decisions
        self._searchers = threads.searchers

    async def SuggestReplies(
        self, request: pb.SuggestRepliesRequest, context: Context
    ) -> pb.SuggestRepliesResponse:
        """See assist_service.proto."""
        asked = convert_assist.wanted_from_proto(request)
        wanted, ranked = await self._thread.run(self._suggest_known, request.tenant, asked)
        ranked = ranked or await self._search(self._suggester.suggest, request.tenant, wanted)
        return pb.SuggestRepliesResponse(
            suggestions=[convert.suggestion_to_proto(one) for one in ranked.suggestions],
            list_id=ranked.ticket.to_text(),
        )

    async def StreamSuggestions(  # type: ignore[override]  # it writes by itself
        self, _requests: object, context: Context
    ) -> None:
        """See assist_service.proto."""
        await self._held.answer(context, lambda request: self.SuggestReplies(request, context))

    async def RecordFeedback(
        self, request: pb.RecordFeedbackRequest, context: Context
    ) -> pb.RecordFeedbackResponse:
        """See assist_service.proto."""
        feedback = convert_assist.feedback_from_proto(request)
        reward, duplicate = await self._thread.run(self._record, request.tenant, feedback)
        return pb.RecordFeedbackResponse(reward=reward, duplicate=duplicate)

    async def FindGaps(self, request: pb.FindGapsRequest, context: Context) -> pb.FindGapsResponse:
        """See assist_service.proto."""
        messages, limit = convert_assist.span_from_proto(request)
        records = await self._thread.run(self._adviser.records, request.tenant, messages)
        unanswered, gaps = await self._search(self._adviser.find_gaps, records, limit)
        return pb.FindGapsResponse(
            gaps=[convert_reply.gap_to_proto(one) for one in gaps],
            messages=len(records),
            unanswered=unanswered,
        )

    async def PutAutoReplyPolicy(
        self, request: pb.PutAutoReplyPolicyRequest, context: Context
    ) -> pb.PutAutoReplyPolicyResponse:
        """See assist_service.proto."""
        policy = convert_reply.policy_from_proto(request.policy)
        await self._thread.run(self._policies.put, request.tenant, policy)
        return pb.PutAutoReplyPolicyResponse(policy=convert_reply.policy_to_proto(policy))

    async def GetAutoReplyPolicy(
        self, request: pb.GetAutoReplyPolicyRequest, context: Context
    ) -> pb.GetAutoReplyPolicyResponse:
        """See assist_service.proto."""
        policy = await self._thread.run(self._policies.of, request.tenant)
        return pb.GetAutoReplyPolicyResponse(policy=convert_reply.policy_to_proto(policy))

    async def TryAutoReplies(
        self, request: pb.TryAutoRepliesRequest, context: Context
    ) -> pb.TryAutoRepliesResponse:
        """See assist_service.proto."""
        texts = convert_assist.texts_from_proto(request)
        analysis = await self._search(self._rehearsal.read, texts)
        trials = await self._thread.run(self._rehearsal.trials, request.tenant, texts, analysis)
        return pb.TryAutoRepliesResponse(trials=[convert_reply.trial_to_proto(one) for one in trials])

    def _suggest_known(self, tenant: str, asked: Wanted) -> tuple[Wanted, Ranked | None]:
        wanted = self._adviser.with_context(tenant, asked)
        return wanted, self._suggester.suggest_known(tenant, wanted)

    def _record(self, tenant: str, returned: Returned) -> tuple[float, bool]:
        reward, duplicate = self._adviser.record(tenant, returned)
        # Also where it was learned before: whoever repeats a call does not know how far the first one came.
        self._labels.use(tenant, returned, reward)
        return reward, duplicate

    async def _search(self, work: Any, *args: Any) -> Any:  # noqa: ANN401
        return await asyncio.get_running_loop().run_in_executor(self._searchers, work, *args)
