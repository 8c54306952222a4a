"""What is offered for words that a spinner put."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.lexicon.tables import LexiconFiles
from detector.suggestions import TOP, offers
from tests.measuring import Measure
from tests.texts import SPUN


def offered(measure: Measure, lexicon: LexiconFiles, text: str, words: str) -> list[str]:
    measured = measure(text)
    first, *_, last = [measured.at(word) for word in words.split()] * 2
    return offers(lexicon, measured.column("ids"), first, last)


@pytest.mark.parametrize(
    ("text", "put", "original"),
    [
        ("The rope is strong sufficient to hold a boat.", "sufficient", "enough"),
        ("He was sent for physical treatment.", "treatment", "therapy"),
        (
            "We trained a network of counterfeit consciousness.",
            "counterfeit consciousness",
            "artificial intelligence",
        ),
    ],
)
def test_the_original_is_among_the_first_three(
    measure: Measure, lexicon: LexiconFiles, text: str, put: str, original: str
) -> None:
    assert original in offered(measure, lexicon, text, put)


@given(first=st.integers(1, 60), length=st.integers(1, 6))
def test_offers_are_few_and_different_and_never_what_stands_there(
    measure: Measure, lexicon: LexiconFiles, first: int, length: int
) -> None:
    ids = measure(SPUN).column("ids")
    last = min(first + length, len(ids)) - 1
    found = offers(lexicon, ids, first, last)
    here = " ".join(lexicon.word(int(word)) for word in ids[first : last + 1])
    assert len(set(found)) == len(found) <= TOP
    assert here not in found
    assert "" not in found


def test_unknown_words_and_long_places_have_no_offers(measure: Measure, lexicon: LexiconFiles) -> None:
    ids = measure("The zzqxv of a word is a word that we do not know at all.").column("ids")
    assert offers(lexicon, ids, 2, 2) == []
    assert offers(lexicon, ids, 1, 9) == []
    assert offers(lexicon, np.array([1, 1, 1], np.int32), 1, 1) == []
