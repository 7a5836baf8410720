from __future__ import annotations

import pytest

from benchmarks import assist, assist_corpus, assist_desk, assist_learning, assist_quality
from engine.bootstrap_bundle import SHIPPED_PACK
from engine.samples import read_replies

CASES = assist_desk.read_cases()
REPLIES = {reply.reply_id: reply for reply in read_replies(SHIPPED_PACK)}


def test_the_case_file_is_large_enough_and_its_cases_differ() -> None:
    assert len(CASES) >= 300
    assert len({case.case_id for case in CASES}) == len({case.messages for case in CASES}) == len(CASES)


def test_every_case_names_replies_of_its_language_and_is_begun_with_few_keys() -> None:
    for case in CASES:
        assert case.right
        assert all(REPLIES[one].language == case.language for one in case.right)
        assert 1 <= len(case.typed) <= 7


def test_no_reply_knows_the_words_of_a_case() -> None:
    asked = {question for reply in REPLIES.values() for question in reply.questions}

    assert not asked & {text for case in CASES for text in case.messages}


def test_the_forms_are_what_an_agent_would_type() -> None:
    case = next(case for case in CASES if case.typed == "发货")
    forms = [form(case) for form in assist_quality.FORMS.values()]

    assert forms == ["发货", "fahuo", "fh", "发h"]


def test_suggestions_are_far_better_than_chance() -> None:
    some = CASES[::16]
    with assist_desk.opened() as desk:
        typed = assist_quality.hits(desk, some, assist_quality.characters, with_context=True)
        context = assist_quality.hits(desk, some, lambda _: "", with_context=True)

    assert typed["hit_at_3"] > 0.7
    assert context["hit_at_3"] > 0.5


def test_the_corpus_is_as_large_as_asked_and_always_the_same() -> None:
    first, second = (assist_corpus.replies(1000) for _ in range(2))

    assert first == second
    assert len({reply.reply_id for reply in first}) == 1000


def test_a_lesson_asks_what_no_reply_knows() -> None:
    given = assist_learning.lesson(1)
    known = {question for reply in given.replies for question in reply.questions}
    asked = {case.messages[0] for case in given.asked}
    judged = {case.messages[0] for case in given.judged}

    assert len(asked & judged) <= 3  # customers use the same words now and then
    assert not known & judged


def test_a_section_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        assist.main(["--only", "beauty"])

    assert "'beauty' is none of quality" in capsys.readouterr().err
