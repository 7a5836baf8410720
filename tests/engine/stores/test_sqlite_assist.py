"""What the embedded store alone does for the assist. `test_assist_conformance.py` has the rest."""

from __future__ import annotations

from engine.ports import RECEIPTS_KEPT
from engine.stores.sqlite import SQLiteStore
from tests.fakes import TENANT

NOW = 1_700_000_000_000
MONTH = RECEIPTS_KEPT * 1000


def test_receipts_are_forgotten_after_a_month(embedded: SQLiteStore) -> None:
    kept = embedded.assist
    kept.commit_feedback(TENANT, "old", b"1", {}, NOW)
    kept.commit_feedback(TENANT, "young", b"2", {}, NOW + MONTH // 2)
    kept.commit_feedback(TENANT, "new", b"3", {}, NOW + MONTH + 1)

    assert [kept.receipt(TENANT, one) for one in ("old", "young", "new")] == [None, b"2", b"3"]


def test_receipts_of_other_tenants_stay(embedded: SQLiteStore) -> None:
    embedded.assist.commit_feedback("other", "old", b"1", {}, NOW)
    embedded.assist.commit_feedback(TENANT, "new", b"2", {}, NOW + 2 * MONTH)

    assert embedded.assist.receipt("other", "old") == b"1"
