"""Bundles and how they do, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yingda.cli import render
from yingda.v1.model_pb2 import (
    Bundle,
    BundleRole,
    CanaryArm,
    Disagreement,
    DriftReport,
    ModelChange,
    ModelChangeKind,
    ModelStatus,
    ShadowReport,
)

_ACCURACY = "intent_accuracy"
_LATEST = 10  # changes


def print_bundles(bundles: Sequence[Bundle]) -> None:
    """A line each."""
    rows = [
        (one.bundle_id, _role(one), one.created, str(len(one.intents)), _accuracy(one), one.problem)
        for one in bundles
    ]
    columns = ("bundle", "does", "made", "intents", "accuracy, 95 %", "problem")
    render.print_table(columns, rows, empty="The engine has no bundle.")


def print_status(status: ModelStatus) -> None:
    """What serves, then a part for everything that is tried beside it."""
    render.print_pairs(_serving(status))
    if status.HasField("shadow"):
        render.print_pairs(_shadow(status.shadow))
    if status.HasField("canary"):
        render.print_pairs(
            [("canary", f"{status.canary.bundle_id}, {status.canary.share:.0%} of conversations")]
        )
        arms = [("canary", status.canary.canary), ("serving", status.canary.serving)]
        columns = ("", "messages", "failed calls", "out of scope", "confidence", "corrected", "p95 ms")
        render.print_table(columns, [(name, *_arm(arm)) for name, arm in arms], empty="")
    if status.drift:
        columns = ("drift", "messages", "embedding", "confidence", "intents", "discrepancy", "")
        render.print_table(columns, [_drift(one) for one in status.drift], empty="")
    render.print_table(
        ("when", "what", "why"),
        [_change(one) for one in status.changes[:_LATEST]],
        empty="Nothing was changed yet.",
    )


def print_disagreements(found: Sequence[Disagreement]) -> None:
    """A line each."""
    rows = [
        (
            one.message_id,
            render.shortened(one.text, 60),
            f"{one.serving_intent} {one.serving_confidence:.2f}",
            f"{one.intent} {one.confidence:.2f}",
        )
        for one in found
    ]
    render.print_table(("message", "text", "serving", "shadow"), rows, empty="No disagreements so far.")


def _serving(status: ModelStatus) -> Iterator[tuple[str, str]]:
    yield "serves", status.bundle_id
    if status.problem:
        yield "should serve", status.wanted_bundle_id
        yield "problem", status.problem
    if status.earlier_bundle_ids:
        yield "before", ", ".join(status.earlier_bundle_ids)


def _shadow(report: ShadowReport) -> Iterator[tuple[str, str]]:
    yield "shadow", report.bundle_id
    yield "  read", f"{report.messages} messages, {report.shed_messages} shed"
    yield "  agreement", f"{report.agreement:.1%}"
    yield "  confidence", f"{report.mean_confidence:.3f}, {report.serving_mean_confidence:.3f} serving"
    yield "  out of scope", f"{report.out_of_scope:.1%}, {report.serving_out_of_scope:.1%} serving"


def _arm(arm: CanaryArm) -> tuple[str, ...]:
    shares = f"{arm.out_of_scope:.1%}", f"{arm.mean_confidence:.3f}"
    return str(arm.messages), str(arm.errors), *shares, str(arm.corrections), f"{arm.p95_ms:.1f}"


def _drift(one: DriftReport) -> tuple[str, ...]:
    figures = (one.embedding, one.confidence, one.intents, one.discrepancy)
    return (
        f"{one.language} {one.channel}",
        str(one.messages),
        *(f"{figure:.3f}" for figure in figures),
        one.reason,
    )


def _change(one: ModelChange) -> tuple[str, str, str]:
    name = ModelChangeKind.Name(one.kind).removeprefix("MODEL_CHANGE_KIND_").lower().replace("_", " ")
    when = one.create_time.ToDatetime().isoformat(sep=" ", timespec="seconds")
    return when, f"{name}: {one.bundle_id}", one.reason


def _role(bundle: Bundle) -> str:
    name = BundleRole.Name(bundle.role).removeprefix("BUNDLE_ROLE_").lower()
    return "" if name == "unspecified" else name


def _accuracy(bundle: Bundle) -> str:
    found = [one for one in bundle.scores if one.name == _ACCURACY]
    return f"{found[0].value:.3f} [{found[0].low:.3f}, {found[0].high:.3f}]" if found else ""
