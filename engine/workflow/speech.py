"""What rules say: titles of tickets, and answers to customers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set

from engine.assist.assembly import Assist
from engine.assist.slot import SlotFiller
from engine.domain import AutoReply, AutoReplyDecision
from engine.errors import NotFoundError
from engine.ports import Codec
from engine.workflow.rule import OpenTicket, SendReply
from engine.workflow.step import Step
from engine.workflow.ticket import MAX_FACTS

_SLOT = re.compile(r"\{[a-z][a-z0-9_]{0,63}\}")
_LONGEST_FACT = 512  # bytes
_NO_TITLE = "?"
_LONGEST_TITLE = 200  # bytes


class Speech:
    """Fills texts with facts. A customer is told that a bot writes."""

    def __init__(self, *, filler: SlotFiller, assist: Callable[[], Assist], codec: Codec) -> None:
        self._filler = filler
        self._assist = assist
        self._codec = codec

    @property
    def known(self) -> Set[str]:
        """The slots there are."""
        return self._filler.known.keys()

    def title(self, template: str, facts: Mapping[str, str], language: str) -> str:
        """A ticket's; what nothing fills is left out."""
        filled = self._filler.fill(template, facts, language=language, channel=0)
        title = " ".join(_SLOT.sub("", filled.text).split()) or _NO_TITLE
        return title.encode()[:_LONGEST_TITLE].decode(errors="ignore")

    def kept(self, action: OpenTicket, facts: Mapping[str, str]) -> dict[str, str]:
        """What a ticket keeps: the facts asked for, else all that replies may say; what is too long is left out."""
        wanted = action.facts or sorted(facts.keys() & self.known)
        found = {name: facts[name] for name in wanted if facts.get(name)}
        short = {name: value for name, value in found.items() if len(value.encode()) <= _LONGEST_FACT}
        return dict(list(short.items())[:MAX_FACTS])

    def reply(self, step: Step, action: SendReply) -> str:
        """Answer the customer; what has an open slot is not sent."""
        language = step.reading.language
        reply_id = action.reply_ids.get(language, "")
        try:
            text = (
                self._assist().bookkeeper.text(step.tenant, reply_id)
                if reply_id
                else action.texts.get(language, "")
            )
        except NotFoundError:
            return f"not sent: there is no reply {reply_id}"
        if not text:
            return f"not sent: nothing in {language}"
        filled = self._filler.fill(text, step.facts, language=language, channel=step.conversation.channel)
        if filled.open_slots:
            return f"not sent: nothing fills {', '.join(filled.open_slots)}"
        return self._send(step, reply_id, f"{self._notice(step)}\n{filled.text}")

    def _send(self, step: Step, reply_id: str, text: str) -> str:
        if step.decided is None:
            self._journal(step, reply_id, text)
            return "sent"
        advice = step.decided.advice[step.row]
        if advice.auto_reply and advice.auto_reply.reason.startswith(_BY_RULE):
            return "not sent: an earlier rule answers"
        said = AutoReply(
            decision=AutoReplyDecision.SENT,
            reply_id=reply_id,
            text=text,
            reason=f"{_BY_RULE}{step.rule.rule_id}",
        )
        step.decided.advice[step.row] = advice._replace(auto_reply=said)
        return "sent"

    def _journal(self, step: Step, reply_id: str, text: str) -> None:
        """Nobody asked just now, so no answer can say it: whoever speaks for the channel follows the journal."""
        conversation = step.conversation
        message_id = f"rule:{step.rule.rule_id}:{step.conversation_id}:{step.now_ms}"
        data = self._codec.event(
            "message_sent",
            message_id=message_id,
            text=text,
            channel=conversation.channel,
            customer_id=conversation.customer_id,
            bot_id=f"rule:{step.rule.rule_id}",
            reply_id=reply_id,
        )
        step.draft.touch(conversation)  # as whoever sends a reply does
        step.record("message_sent", data, key=f"sent:{message_id}")

    def _notice(self, step: Step) -> str:
        policy = self._assist().policies.of(step.tenant)
        return policy.notice_zh if step.reading.language == "zh" else policy.notice_en


_BY_RULE = "rule "  # what the reason of an answer by a rule begins with
