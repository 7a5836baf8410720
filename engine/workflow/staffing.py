"""What rules do about who serves a conversation."""

from __future__ import annotations

from engine.domain import Conversation, ConversationState, Presence
from engine.ports import Codec
from engine.routing.dispatcher import Dispatcher
from engine.routing.requirement import asking
from engine.workflow.rule import AssignTeam, CloseConversation, Escalate, SetPriority
from engine.workflow.step import Step

MAX_PARTICIPANTS = 8  # as conversation.proto says
MAX_PRIORITY = 10
_OVER = frozenset({ConversationState.CLOSED, ConversationState.WRAPPING})
_THERE = frozenset({Presence.ONLINE, Presence.BUSY})


class Staffing:
    """Every method adds to the step's draft and says in a few words what it did."""

    def __init__(self, *, codec: Codec, dispatcher: Dispatcher) -> None:
        self._codec = codec
        self._dispatcher = dispatcher

    def set_priority(self, step: Step, action: SetPriority) -> str:
        """The place in the queue follows."""
        self._prioritise(step, action.priority)
        return str(action.priority)

    def assign_team(self, step: Step, action: AssignTeam) -> str:
        """Give it on to the team, as an agent would; its agent keeps it who belongs to the team."""
        one = step.conversation
        if one.state in _OVER:
            return f"{action.team}: it is over"
        agent = step.draft.crew.roster.agent(one.agent_id)
        if agent and action.team in agent.teams:
            return f"{action.team}: {agent.agent_id} belongs to it"
        target = f"team:{action.team}"
        data = self._codec.event("conversation_transferred", from_agent_id=one.agent_id, target=target)
        step.record("conversation_transferred", data)
        self._end_offer(step, one)
        asked = asking(one.requirement, agent_id="", team=action.team, skill="")
        assignment = step.draft.place(step.draft.give_on(one, asked))
        if assignment.agent_id:
            step.record("conversation_assigned", self._codec.assigned(assignment))
        self._dispatcher.drain_into(step.draft, step.tenant)
        return action.team

    def escalate(self, step: Step, action: Escalate) -> str:
        """Let the supervisor with the most room take part; whoever waits goes to the front."""
        one = step.conversation
        if one.state in _OVER:
            return f"{action.team}: it is over"
        agent_id = self._supervisor(step, action.team)
        data = self._codec.event("conversation_escalated", team=action.team, agent_id=agent_id)
        step.record("conversation_escalated", data)
        if agent_id:
            step.record("conversation_joined", self._codec.event("conversation_joined", agent_id=agent_id))
            step.draft.touch(one, participants=(*one.participants, agent_id))
        self._prioritise(step, MAX_PRIORITY)
        return f"{action.team}: {agent_id or 'nobody is there'}"

    def close(self, step: Step, _: CloseConversation) -> str:
        """End it for the customer."""
        one = step.conversation
        if one.state in _OVER:
            return "it is over"
        self._end_offer(step, one)
        step.record("conversation_closed", self._codec.event("conversation_closed", agent_id=one.agent_id))
        step.draft.close(step.conversation)
        self._dispatcher.drain_into(step.draft, step.tenant)
        return ""

    def _prioritise(self, step: Step, priority: int) -> None:
        step.record("priority_changed", self._codec.event("priority_changed", priority=priority))
        step.draft.prioritise(step.conversation, priority)

    def _end_offer(self, step: Step, one: Conversation) -> None:
        if one.state is ConversationState.OFFERED:
            reservation_id, agent_id = one.reservation_id, one.agent_id
            data = self._codec.event(
                "reservation_ended", reservation_id=reservation_id, agent_id=agent_id, how="cancelled"
            )
            step.record("reservation_ended", data)

    def _supervisor(self, step: Step, team: str) -> str:
        """Empty where nobody of the team is there, or the conversation has no place for one."""
        one, roster = step.conversation, step.draft.crew.roster
        taking_part = {one.agent_id, *one.participants}
        if len(one.participants) >= MAX_PARTICIPANTS:
            return ""
        free = [
            (int(roster.load[row]) / agent.capacity, agent.agent_id)
            for row, agent in enumerate(roster.agents)
            if team in agent.teams and roster.presences[row] in _THERE and agent.agent_id not in taking_part
        ]
        return min(free)[1] if free else ""
