"""Bundles and what becomes of them, as protobuf; pure."""

from __future__ import annotations

from collections.abc import Sequence

from yingda.v1 import answer_pb2, message_pb2, model_pb2

from engine.bundles.cabinet import Entry
from engine.bundles.canary import Arm, CanaryReport
from engine.bundles.deployment import BundleChange, ChangeKind, Deployment
from engine.bundles.ports import Card, Gauge
from engine.bundles.said import Said
from engine.bundles.shadow import Disagreement, ShadowReport
from engine.servicers.convert import timestamp

_KINDS = {kind: model_pb2.ModelChangeKind.Value(f"MODEL_CHANGE_KIND_{kind.name}") for kind in ChangeKind}


class ProtoModelCodec:
    """See `bundles.ports.ModelCodec`."""

    def model_changed(self, change: BundleChange) -> bytes:
        """A serialised ModelChange."""
        return change_to_proto(change).SerializeToString()

    def said(self, answer: bytes) -> Said:
        """Read from a serialised MessageAnswer."""
        read = answer_pb2.MessageAnswer.FromString(answer)
        return Said(
            conversation_id=read.conversation_id,
            bundle_id=read.analysis.bundle_id,
            intent=read.analysis.intent,
            confidence=read.analysis.confidence,
            language=read.analysis.language,
            is_duplicate=read.duplicate,
        )


def change_to_proto(change: BundleChange) -> model_pb2.ModelChange:
    """All of it."""
    return model_pb2.ModelChange(
        kind=_KINDS[change.kind],
        bundle_id=change.bundle_id,
        other_bundle_id=change.other_bundle_id,
        reason=change.reason,
        create_time=timestamp(change.time_ms),
    )


def entry_to_proto(entry: Entry, deployment: Deployment) -> model_pb2.Bundle:
    """With what the bundle does."""
    bundle = card_to_proto(entry.card) if entry.card else model_pb2.Bundle()
    bundle.bundle_id = entry.bundle_id
    bundle.role = _role(entry.bundle_id, deployment)
    bundle.problem = entry.problem
    return bundle


def card_to_proto(card: Card) -> model_pb2.Bundle:
    """What a bundle says of itself."""
    return model_pb2.Bundle(
        bundle_id=card.id,
        created=card.created,
        intents=card.intents,
        scores=[
            model_pb2.BundleScore(name=name, value=value, low=low, high=high)
            for name, (value, low, high) in card.scores.items()
        ],
        key=card.key,
    )


def status_to_proto(serving: str, deployment: Deployment, problem: str) -> model_pb2.ModelStatus:
    """Without the reports."""
    return model_pb2.ModelStatus(
        bundle_id=serving,
        wanted_bundle_id=deployment.active,
        problem=problem,
        earlier_bundle_ids=list(reversed(deployment.earlier)),
        changes=[change_to_proto(one) for one in deployment.changes],
    )


def shadow_to_proto(report: ShadowReport) -> model_pb2.ShadowReport:
    """All of it."""
    return model_pb2.ShadowReport(
        bundle_id=report.bundle_id,
        messages=report.messages,
        shed_messages=report.shed,
        agreement=report.agreement,
        mean_confidence=report.mean_confidence,
        serving_mean_confidence=report.serving_mean_confidence,
        out_of_scope=report.out_of_scope,
        serving_out_of_scope=report.serving_out_of_scope,
        bins=[
            model_pb2.ConfidenceBin(low=one.low, messages=one.messages, agreement=one.agreement)
            for one in report.bins
        ],
    )


def canary_to_proto(report: CanaryReport) -> model_pb2.CanaryReport:
    """All of it."""
    return model_pb2.CanaryReport(
        bundle_id=report.bundle_id,
        share=report.share,
        canary=_arm_to_proto(report.canary),
        serving=_arm_to_proto(report.serving),
    )


def gauges_to_proto(gauges: Sequence[Gauge]) -> list[model_pb2.DriftReport]:
    """By language and channel."""
    return [
        model_pb2.DriftReport(
            language=one.language,
            channel=_channel_name(one.channel),
            messages=one.messages,
            embedding=one.embedding,
            confidence=one.confidence,
            intents=one.intents,
            discrepancy=one.discrepancy,
            is_drifting=bool(one.reason),
            reason=one.reason,
        )
        for one in gauges
    ]


def disagreement_to_proto(one: Disagreement) -> model_pb2.Disagreement:
    """All of it."""
    return model_pb2.Disagreement(
        conversation_id=one.heard.said.conversation_id,
        message_id=one.heard.message_id,
        text=one.heard.text,
        serving_intent=one.heard.said.intent,
        serving_confidence=one.heard.said.confidence,
        intent=one.intent,
        confidence=one.confidence,
    )


def _arm_to_proto(arm: Arm) -> model_pb2.CanaryArm:
    return model_pb2.CanaryArm(
        messages=arm.messages,
        errors=arm.errors,
        out_of_scope=arm.share(arm.out_of_scope),
        mean_confidence=arm.share(arm.confidence),
        corrections=arm.corrections,
        p95_ms=arm.p95_ms(),
    )


def _role(bundle_id: str, deployment: Deployment) -> model_pb2.BundleRole.ValueType:
    roles = {
        deployment.shadow: model_pb2.BUNDLE_ROLE_SHADOW,
        deployment.canary: model_pb2.BUNDLE_ROLE_CANARY,
        deployment.active: model_pb2.BUNDLE_ROLE_SERVING,
    }
    return roles.get(bundle_id, model_pb2.BUNDLE_ROLE_UNSPECIFIED)


def _channel_name(channel: str) -> str:
    """The name of a channel's number; what is no number stays."""
    number = int(channel) if channel.isdecimal() else -1
    known = message_pb2.Channel.DESCRIPTOR.values_by_number.get(number)
    return known.name.removeprefix("CHANNEL_").lower() if known else channel
