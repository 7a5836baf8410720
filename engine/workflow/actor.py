"""Does what rules say, in the draft of what they fire for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.ports import Codec
from engine.routing.dispatcher import Dispatcher
from engine.workflow.codec import WorkflowCodec
from engine.workflow.completion import Completion, Opened
from engine.workflow.outgoing import Outgoing
from engine.workflow.rule import (
    ACTION_NAMES,
    OWNER,
    Action,
    AddTags,
    AssignTeam,
    CallWebhook,
    CloseConversation,
    Escalate,
    OpenTicket,
    SendReply,
    SetPriority,
)
from engine.workflow.speech import Speech
from engine.workflow.staffing import Staffing
from engine.workflow.step import Step
from engine.workflow.ticket import Ticket, number_of

MAX_TAGS = 32  # of a conversation
TICKET = "ticket_id"  # the fact that an opened ticket's number is


class Actor:
    """Every method adds to the step's draft and says in a few words what it did. Called on the decision thread."""

    def __init__(
        self,
        *,
        completion: Completion,
        codec: Codec,
        workflow_codec: WorkflowCodec,
        dispatcher: Dispatcher,
        speech: Speech,
        outgoing: Outgoing,
    ) -> None:
        self._completion = completion
        self._workflow_codec = workflow_codec
        self._speech = speech
        self._outgoing = outgoing
        self._staffing = Staffing(codec=codec, dispatcher=dispatcher)
        self._acts: dict[type[Action], Callable[[Step, Any], str]] = {
            OpenTicket: self._open_ticket,
            AddTags: self._add_tags,
            SetPriority: self._staffing.set_priority,
            AssignTeam: self._staffing.assign_team,
            SendReply: self._speech.reply,
            Escalate: self._staffing.escalate,
            CallWebhook: self._call_webhook,
            CloseConversation: self._staffing.close,
        }

    def act(self, step: Step) -> None:
        """All that the step's rule says, in order."""
        for action in step.rule.then:
            what = self._acts[type(action)](step, action)
            step.done.append(f"{ACTION_NAMES[type(action)]} {what}".rstrip())

    def _open_ticket(self, step: Step, action: OpenTicket) -> str:
        ticket = self._ticket(step, action)
        step.facts[TICKET] = ticket.ticket_id
        step.draft.follow_up.tickets.append(ticket)
        step.record("ticket_opened", self._workflow_codec.ticket(ticket))
        self._outgoing.ticket(step.occasion, "ticket.opened", ticket)
        self._completion.expect(step.tenant, step.reading, Opened(ticket=ticket, action=action))
        return ticket.ticket_id

    def _ticket(self, step: Step, action: OpenTicket) -> Ticket:
        conversation, reading = step.conversation, step.reading
        names = (step.conversation_id, step.rule.rule_id, reading.message_id, step.now_ms)
        assignee_id = conversation.agent_id if action.assignee_id == OWNER else action.assignee_id
        return Ticket(
            ticket_id=number_of(step.tenant, *names),
            title=self._speech.title(action.title, step.facts, reading.language),
            priority=action.priority,
            assignee_id=assignee_id,
            team=action.team,
            conversation_id=step.conversation_id,
            customer_id=conversation.customer_id,
            channel=conversation.channel,
            rule_id=step.rule.rule_id,
            tags=action.tags,
            facts=self._speech.kept(action, step.facts),
            opened_ms=step.now_ms,
            updated_ms=step.now_ms,
            due_ms=step.now_ms + action.due_ms if action.due_ms else 0,
        )

    def _add_tags(self, step: Step, action: AddTags) -> str:
        before = step.conversation.tags
        tags = tuple(dict.fromkeys((*before, *action.tags)))[:MAX_TAGS]
        if tags != before:
            step.draft.touch(step.conversation, tags=tags)
            step.record("conversation_tagged", self._workflow_codec.tagged(tags))
        return ", ".join(action.tags)

    def _call_webhook(self, step: Step, action: CallWebhook) -> str:
        webhook = self._outgoing.webhooks.named(step.tenant, action.webhook)
        if webhook is None:
            return f"{action.webhook}: not configured"
        reading, conversation = step.reading, step.conversation
        data = {
            "rule_id": step.rule.rule_id,
            "conversation_id": step.conversation_id,
            "customer_id": conversation.customer_id,
            "channel": conversation.channel,
            "message_id": reading.message_id,
            "intent": reading.intent,
            "confidence": round(reading.confidence, 4),
            "anger": round(reading.anger, 4),
            "language": reading.language,
            "agent_id": conversation.agent_id,
            "tags": list(conversation.tags),
            "facts": dict(step.facts),
            **({"text": reading.text} if action.with_text else {}),
        }
        named = (step.conversation_id, step.rule.rule_id, reading.message_id, step.now_ms, len(step.done))
        self._outgoing.send(step.occasion, action.webhook, "rule.fired", named, data)
        return action.webhook
