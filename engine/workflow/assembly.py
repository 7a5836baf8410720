"""The parts of the workflow, put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.assist.assembly import Assist
from engine.assist.slot import SlotFiller
from engine.customer.informer import Customers
from engine.ports import Clock, Codec, Store
from engine.routing.dispatcher import Dispatcher
from engine.workflow.actor import Actor
from engine.workflow.codec import WorkflowCodec
from engine.workflow.completion import Completion
from engine.workflow.desk import TicketDesk
from engine.workflow.flow import Flow
from engine.workflow.outgoing import Outgoing
from engine.workflow.rule import Rule
from engine.workflow.rulebooks import Rulebooks
from engine.workflow.speech import Speech
from engine.workflow.webhook import Webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowParts:
    """What the pipeline and the servicers use."""

    flow: Flow
    rulebooks: Rulebooks
    desk: TicketDesk
    completion: Completion
    webhooks: Webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSurroundings:
    """What the workflow needs from outside."""

    store: Store
    codec: Codec
    workflow_codec: WorkflowCodec
    clock: Clock
    dispatcher: Dispatcher
    assist: Callable[[], Assist]  # of the bundle that serves
    filler: SlotFiller
    customers: Customers
    webhooks: Webhooks
    pack: Sequence[Rule]


def assemble_workflow(given: WorkflowSurroundings) -> WorkflowParts:
    """Nothing is read before it is needed."""
    outgoing = Outgoing(given.webhooks)
    speech = Speech(filler=given.filler, assist=given.assist, codec=given.codec)
    completion = Completion(customers=given.customers, speech=speech)
    actor = Actor(
        completion=completion,
        codec=given.codec,
        workflow_codec=given.workflow_codec,
        dispatcher=given.dispatcher,
        speech=speech,
        outgoing=outgoing,
    )
    rulebooks = Rulebooks(
        store=given.store.assist, codec=given.workflow_codec, clock=given.clock, pack=given.pack
    )
    return WorkflowParts(
        flow=Flow(
            rulebooks=rulebooks,
            store=given.store,
            codec=given.workflow_codec,
            actor=actor,
            customers=given.customers,
        ),
        rulebooks=rulebooks,
        desk=TicketDesk(store=given.store, codec=given.workflow_codec, clock=given.clock, outgoing=outgoing),
        completion=completion,
        webhooks=given.webhooks,
    )
