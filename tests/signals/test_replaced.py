import numpy as np
import pytest
from hypothesis import given

from detector.lexicon.tables import Lexicon
from detector.scoring import Detector
from detector.signals.replaced import ACTIVE, SIZE
from tests.measuring import Measure
from tests.strategies import any_text


@pytest.fixture(scope="module")
def counting(tables: Lexicon) -> Measure:
    """Every entry weighs 1, so that a token's score is the number of its entries."""
    return Measure(tables, np.ones(SIZE, np.float32))


@given(any_text)
def test_each_word_sums_its_entries_and_breaks_none(counting: Measure, text: str) -> None:
    measured = counting(text)
    assert (measured.column("replaced") == np.where(measured.is_word(), ACTIVE, 0)).all()


@pytest.mark.parametrize(
    ("spun", "honest", "word", "original"),
    [
        ("He was strong sufficient to cope.", "He was strong enough to cope.", "sufficient", "enough"),
        ("The mind stem is deep inside.", "The brain stem is deep inside.", "mind", "brain"),
        ("It gives short-term alleviation.", "It gives short-term relief.", "alleviation", "relief"),
    ],
)
def test_the_shipped_weights_tell_replaced_words(
    tables: Lexicon, shipped: Detector, spun: str, honest: str, word: str, original: str
) -> None:
    measure = Measure(tables, shipped.model.heads.token_weights)
    wrong, right = measure(spun), measure(honest)
    assert wrong.column("replaced")[wrong.at(word)] > right.column("replaced")[right.at(original)] + 1.0
