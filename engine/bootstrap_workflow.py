"""The part of the composition root that makes rules, tickets and the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from engine.assist.slot import SLOTS, SlotFiller
from engine.bundles.generation import Generation
from engine.bundles.switch import Switch
from engine.clock import SystemClock
from engine.customer.preload import Preload
from engine.errors import StartError
from engine.http_caller import Caller
from engine.ports import Codec, Store
from engine.routing.dispatcher import Dispatcher
from engine.routing.policies import StoredPolicies
from engine.routing.policy_desk import PolicyDesk
from engine.servicers import codec_workflow
from engine.servicers.codec_workflow import ProtoWorkflowCodec
from engine.servicers.rule import RuleServicer
from engine.servicers.ticket import TicketServicer
from engine.settings import EngineSettings
from engine.timeline.reader import JournalReader
from engine.workflow.assembly import WorkflowSurroundings, assemble_workflow
from engine.workflow.completion import Arrivals, Completion
from engine.workflow.courier import Courier, Runner
from engine.workflow.flow import Flow
from engine.workflow.rule import Rule
from engine.workflow.rule_desk import RuleContext, RuleDesk
from engine.workflow.sender import StandardSender
from engine.workflow.webhook import Format, Webhooks
from engine.workflow.zammad import ZammadSender


class Serving:
    """The generation that serves, once one does."""

    def __init__(self) -> None:
        self._switch: Switch | None = None

    def follow(self, switch: Switch) -> None:
        """From now on."""
        self._switch = switch

    def __call__(self) -> Generation:
        """It."""
        assert self._switch is not None  # nothing is asked before the engine is put together
        return self._switch.serving

    def forget(self) -> None:
        """Know no text any more, whoever answers."""
        assert self._switch is not None
        self._switch.forget()


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """What the rest of the engine uses of it."""

    flow: Flow
    courier: Courier
    completion: Completion
    rule: RuleServicer
    ticket: TicketServicer
    caller: Caller

    async def finish(self, carrying: asyncio.Task[None], grace: float) -> None:
        """Let what the courier carries arrive."""
        self.courier.close()
        await asyncio.wait([carrying], timeout=grace)
        carrying.cancel()
        self.caller.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What of the rest it uses."""

    store: Store
    serving: Serving
    preload: Preload
    dispatcher: Dispatcher
    policies: StoredPolicies
    codec: Codec
    rules: Sequence[Rule]


def compose(settings: EngineSettings, context: Context, runner: Runner, searchers: Executor) -> Following:
    """Nothing is read before it is needed."""
    clock, codec, caller = SystemClock(), ProtoWorkflowCodec(), Caller()
    webhooks = Webhooks(list(settings.webhooks.values()))
    parts = assemble_workflow(
        WorkflowSurroundings(
            store=context.store,
            codec=context.codec,
            workflow_codec=codec,
            clock=clock,
            dispatcher=context.dispatcher,
            assist=lambda: context.serving().assist,
            filler=SlotFiller({**SLOTS, **settings.slots}),
            customers=context.preload,
            webhooks=webhooks,
            pack=context.rules,
        )
    )
    about = RuleContext(
        reader=lambda: (context.serving().classifier, context.serving().assist.bookkeeper),
        store=context.store,
        webhooks=webhooks,
        customers=context.preload,
    )
    desk = RuleDesk(rulebooks=parts.rulebooks, store=context.store, codec=codec, clock=clock, context=about)
    arrivals = Arrivals(completion=parts.completion, desk=parts.desk, thread=runner.thread)
    context.preload.subscribe(arrivals.tell)
    courier = Courier(
        store=context.store.workflow,
        desk=parts.desk,
        webhooks=webhooks,
        senders={
            Format.STANDARD: StandardSender(caller.send),
            Format.ZAMMAD: ZammadSender(caller.send),
        },
        runner=runner,
        clock=clock,
    )
    return Following(
        flow=parts.flow,
        courier=courier,
        completion=parts.completion,
        rule=RuleServicer(
            desk=desk,
            reader=JournalReader(store=context.store, thread=runner.thread),
            policies=PolicyDesk(policies=context.policies, dispatcher=context.dispatcher),
            thread=runner.thread,
            searchers=searchers,
        ),
        ticket=TicketServicer(desk=parts.desk, thread=runner.thread),
        caller=caller,
    )


def pack_rules(named: Path | None, pack: Path) -> Sequence[Rule]:
    """Of the file that the settings name, else the pack's, where it has some. Raises: StartError."""
    path = named or pack / "rules.toml"
    if named is None and not path.exists():
        return []
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(
            f"cannot read {path}: {error}; name a file of rules with rules under [engine]"
        ) from error
    return codec_workflow.rules_of(text, str(path))
