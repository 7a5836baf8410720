from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.assist.typed import Spellings, TypedIndex
from engine.domain import Reply
from tests.fakes import make_reply

TITLES = (
    "催发货已加急",
    "发货时间说明",
    "退款到账时间",
    "防伪码怎么验",
    "Refund sent",
    "Which courier we use",
)
REPLIES = [make_reply(title, title=title, text="") for title in TITLES]


def found(typed: str, *replies: Reply) -> list[str]:
    """Ids that fit at all, best first."""
    among = replies or REPLIES
    fits = TypedIndex(among).fits(typed)
    best = sorted(
        zip(fits.rows.tolist(), fits.scores.tolist(), strict=True), key=lambda fit: (-fit[1], fit[0])
    )
    return [among[row].reply_id for row, _ in best]


@pytest.mark.parametrize(
    "typed",
    ["发", "发货", "fa", "fah", "fh", "fhuo", "fahuo", "FaHuo", "fa huo", "fa'huo", "发h", "发huo", "ｆｈ"],
)
def test_a_word_is_found_however_it_is_typed(typed: str) -> None:
    assert {"催发货已加急", "发货时间说明"} <= set(found(typed))


def test_a_word_at_the_beginning_comes_before_one_inside() -> None:
    assert found("发货") == ["发货时间说明", "催发货已加急"]


@pytest.mark.parametrize("typed", ["发火", "發貨", "fahou", "fahoo"])
def test_a_slip_of_the_input_method_or_the_finger_is_forgiven(typed: str) -> None:
    assert "发货时间说明" in found(typed)


@pytest.mark.parametrize("typed", ["ref", "REFUND", "refund s", "refnud", "refnd", "reefund", "rwfund"])
def test_an_english_word_is_found_by_its_beginning_and_with_a_typo(typed: str) -> None:
    assert found(typed)[0] == "Refund sent"


def test_what_was_typed_literally_comes_before_a_homophone() -> None:
    assert found("发", *(make_reply(one, title=one, text="") for one in ("法定节假日", "发货时间"))) == [
        "发货时间"
    ]
    assert found("fa", *(make_reply(one, title=one, text="") for one in ("法定节假日", "发货时间"))) == [
        "法定节假日",
        "发货时间",
    ]


def test_both_readings_of_a_polyphone_are_known() -> None:
    reply = make_reply("reset", title="恢复出厂再重置", text="")

    assert found("zhongzhi", reply) == found("chongzhi", reply) == ["reset"]


def test_a_text_and_a_question_count_less_than_a_title() -> None:
    replies = [
        make_reply("text", title="其他", text="我们会补发一份"),
        make_reply("question", title="别的", text="", questions=("能补发吗",)),
        make_reply("title", title="补发说明", text=""),
    ]

    assert found("补发", *replies)[0] == "title"
    assert set(found("补发", *replies)) == {"title", "text", "question"}
    assert set(found("bf", *replies)) == {"title", "text", "question"}


def test_more_than_a_title_holds_still_finds_its_longest_part() -> None:
    assert found("发货时间说明书在哪")[0] == "发货时间说明"


@pytest.mark.parametrize("typed", ["", " ", "'", "zzzzqq", "🎉", "\x00"])
def test_what_begins_nothing_finds_nothing(typed: str) -> None:
    assert found(typed) == []


def test_scores_are_between_0_and_1() -> None:
    index = TypedIndex(REPLIES)

    for typed in ("发", "fh", "r", "refnud", "t"):
        fits = index.fits(typed)
        assert fits.rows.shape == fits.scores.shape
        assert np.all((fits.scores > 0) & (fits.scores <= 1))


def test_rows_that_do_not_fit_have_score_0() -> None:
    fits = TypedIndex(REPLIES).fits("zzzzqq")

    assert fits.of(np.arange(len(REPLIES))).tolist() == [0.0] * len(REPLIES)


def test_an_empty_index_can_be_asked() -> None:
    assert len(TypedIndex([]).fits("发").rows) == 0


def test_more_is_typed_than_any_title_has() -> None:
    assert found("发货时间说明" * 20)[0] == "发货时间说明"


def test_replies_that_are_written_alike_are_spelled_once_while_somebody_holds_them() -> None:
    spellings = Spellings()
    first = spellings.of(REPLIES)
    others = [replace(one, intent="another") for one in REPLIES]

    assert spellings.of(others) is first
    assert spellings.of(REPLIES[1:]) is not first
