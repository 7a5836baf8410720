from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.texts import PACK, Utterance, fingerprint, read_utterances, unseen, with_typo

UTTERANCES = [Utterance("几时发货", "zh"), Utterance("where is it", "en"), Utterance("?", "en")]


def take(texts: Iterator[str], count: int) -> list[str]:
    return list(itertools.islice(texts, count))


def test_equal_seeds_give_equal_texts() -> None:
    assert take(unseen(UTTERANCES, "1"), 500) == take(unseen(UTTERANCES, "1"), 500)


def test_another_seed_gives_other_texts() -> None:
    assert take(unseen(UTTERANCES, "1"), 500) != take(unseen(UTTERANCES, "2"), 500)


def test_no_text_comes_twice() -> None:
    texts = take(unseen(UTTERANCES, "1"), 5000)

    assert len(set(texts)) == len(texts)


def test_a_number_is_announced_in_the_language_of_the_text() -> None:
    texts = take(unseen(UTTERANCES[:1], "1"), 100)

    assert any("订单号" in text for text in texts)
    assert not any("order" in text for text in texts)


@pytest.mark.parametrize("text", ["", "a", "ab", "where is it"])
def test_a_typo_changes_at_most_a_character_s_worth(text: str) -> None:
    spoilt = with_typo(text, random.Random(0))

    assert abs(len(spoilt) - len(text)) <= 1


def test_the_pack_has_both_languages() -> None:
    languages = {one.language for one in read_utterances(PACK)}

    assert languages == {"zh", "en"}


def test_the_fingerprint_tells_texts_apart() -> None:
    assert fingerprint(UTTERANCES) != fingerprint(UTTERANCES[1:])


def test_a_folder_without_texts_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(BenchmarkError, match="holds no texts"):
        read_utterances(tmp_path_factory.mktemp("empty"))
