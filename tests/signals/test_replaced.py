import numpy as np
import pytest
from hypothesis import given

from detector.lexicon.tables import Lexicon
from detector.scoring import Detector
from detector.signals.replaced import ACTIVE, DENSE, SIZE, TokenWeights, pack_weights, unpack_weights
from tests.measuring import Measure
from tests.strategies import any_text


@pytest.fixture(scope="module")
def counting(tables: Lexicon) -> Measure:
    """Every entry weighs 1 or nearly so, so that a token's score is the number of its entries."""
    return Measure(tables, pack_weights(np.ones(SIZE, np.float32)))


@given(any_text)
def test_each_word_sums_its_entries_and_breaks_none(counting: Measure, text: str) -> None:
    measured = counting(text)
    assert np.allclose(measured.column("replaced"), np.where(measured.is_word(), ACTIVE, 0), atol=0.05)
    odds, probability = measured.column("replaced")[1:], measured.column("probability")[1:]
    words = measured.is_word()[1:]
    assert np.allclose(probability[words], 1.0 / (1.0 + np.exp(-np.minimum(odds[words], 12.0))), rtol=0.05)


def test_packed_weights_stay_what_they_are() -> None:
    weights = np.random.default_rng(3).normal(0, 1, SIZE).astype(np.float32)
    packed = pack_weights(weights)
    assert np.array_equal(packed.dense, weights[:DENSE])
    assert np.abs(unpack_weights(packed) - np.clip(weights, -3, 3))[DENSE:].max() <= 0.5 * 3 / 127 + 1e-6
    again: TokenWeights = pack_weights(unpack_weights(packed).astype(np.float16))
    assert np.array_equal(again.hashed, packed.hashed)


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
