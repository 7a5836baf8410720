"""How the bundles do, as metrics."""

from __future__ import annotations

from collections.abc import Iterator

from engine.analysis.memory import ReadingMemory
from engine.bundles.canary import Arm, CanaryReport
from engine.bundles.deployer import Deployer
from engine.bundles.deployment import ChangeKind
from engine.bundles.ports import Gauge
from engine.bundles.shadow import ShadowReport
from engine.bundles.trials import Trials
from engine.metrics import Figure


def model_figures(deployer: Deployer, trials: Trials) -> list[Figure]:
    """All there is to know now."""
    figures = [*_deployment(deployer)]
    if shadow := trials.shadow():
        figures += _shadow(shadow)
    if canary := trials.canary():
        figures += _canary(canary)
    for gauge in trials.gauges():
        figures += _drift(gauge)
    return figures


def reading_figures(memory: ReadingMemory | None) -> list[Figure]:
    """How many texts came again, of those that the serving bundle read; nothing where none is remembered."""
    if memory is None:
        return []
    about = "Texts whose reading was remembered"
    read = "Texts that were read"
    return [
        Figure(name="yingda_texts_remembered_total", about=about, value=memory.hits, kind="counter"),
        Figure(name="yingda_texts_read_total", about=read, value=memory.misses, kind="counter"),
    ]


def _deployment(deployer: Deployer) -> Iterator[Figure]:
    now = deployer.deployment
    for role, bundle_id in (("serving", now.active), ("shadow", now.shadow), ("canary", now.canary)):
        if bundle_id:
            labels = {"bundle": bundle_id, "role": role}
            yield Figure(
                name="yingda_model_bundle", about="1 for each bundle at work", value=1, labels=labels
            )
    about = "1 while this engine cannot serve with the bundle it should"
    yield Figure(name="yingda_model_problem", about=about, value=bool(deployer.problem))
    about = "Latest changes of the bundles, by kind; at most 50 are remembered"
    for kind in ChangeKind:
        count = sum(one.kind is kind for one in now.changes)
        yield Figure(name="yingda_model_changes", about=about, value=count, labels={"kind": kind})


def _shadow(report: ShadowReport) -> Iterator[Figure]:
    labels = {"bundle": report.bundle_id}
    for name, about, value, kind in (
        ("messages_total", "Messages read along", report.messages, "counter"),
        ("shed_total", "Messages not read along for want of time", report.shed, "counter"),
        ("agreement", "Share with the same intent as the serving bundle's", report.agreement, "gauge"),
        ("out_of_scope", "Share of out of scope", report.out_of_scope, "gauge"),
    ):
        yield Figure(name=f"yingda_model_shadow_{name}", about=about, value=value, kind=kind, labels=labels)


def _canary(report: CanaryReport) -> Iterator[Figure]:
    for arm, counts in (("canary", report.canary), ("serving", report.serving)):
        yield from _arm(counts, {"bundle": report.bundle_id, "arm": arm})


def _arm(counts: Arm, labels: dict[str, str]) -> Iterator[Figure]:
    for name, about, value, kind in (
        ("messages_total", "Messages answered", counts.messages, "counter"),
        ("errors_total", "Calls that failed", counts.errors, "counter"),
        (
            "corrections_total",
            "Conversations that agents passed to another skill",
            counts.corrections,
            "counter",
        ),
        ("out_of_scope", "Share of out of scope", counts.share(counts.out_of_scope), "gauge"),
        ("confidence", "Mean confidence", counts.share(counts.confidence), "gauge"),
        ("p95_seconds", "Time a call took, 95th percentile", counts.p95_ms() / 1000, "gauge"),
    ):
        yield Figure(name=f"yingda_model_canary_{name}", about=about, value=value, kind=kind, labels=labels)


def _drift(gauge: Gauge) -> Iterator[Figure]:
    labels = {"language": gauge.language, "channel": gauge.channel}
    about = "1 while the latest messages are not like those of the training"
    yield Figure(name="yingda_model_drift", about=about, value=bool(gauge.reason), labels=labels)
    about = "How far the latest messages are from the training; 0 is not at all"
    for measure in ("embedding", "confidence", "intents", "discrepancy"):
        value = getattr(gauge, measure)
        yield Figure(
            name="yingda_model_drift_index", about=about, value=value, labels={**labels, "measure": measure}
        )
