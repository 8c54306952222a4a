import numpy as np
import pytest
from hypothesis import given

from detector.lexicon.tables import LexiconFiles
from tests.measuring import Measure
from tests.strategies import any_text


@pytest.mark.parametrize(
    ("text", "word", "suggestion"),
    [
        ("He was strong sufficient to cope with the loss.", "sufficient", "enough"),
        ("The mind stem controls breathing.", "mind", "brain"),
        ("They offer assist for families in need.", "assist", "support"),
        ("She had months of physical treatment.", "treatment", "therapy"),
        ("It gives short-term alleviation from the pain.", "alleviation", "relief"),
        ("Cardiovascular illness is common.", "illness", "disease"),
        ("The best food in the globe.", "globe", "world"),
    ],
)
def test_what_stood_there_is_suggested(
    measure: Measure, lexicon: LexiconFiles, text: str, word: str, suggestion: str
) -> None:
    measured = measure(text)
    at = measured.at(word)
    assert lexicon.word(int(measured.column("best")[at])) == suggestion
    assert measured.column("margin")[at] > 1.0
    assert measured.column("choice")[at] > 1.0


@pytest.mark.parametrize(
    ("honest", "spun", "word", "other"),
    [
        ("He was strong enough to cope.", "He was strong sufficient to cope.", "enough", "sufficient"),
        ("The brain stem controls breathing.", "The mind stem controls breathing.", "brain", "mind"),
        ("We had sufficient evidence.", "We had enough evidence.", "sufficient", "enough"),
    ],
)
def test_the_context_speaks_against_the_wrong_word_only(
    measure: Measure, honest: str, spun: str, word: str, other: str
) -> None:
    right, wrong = measure(honest), measure(spun)
    assert right.column("context")[right.at(word)] < 0.5
    if other != "enough":
        assert wrong.column("context")[wrong.at(other)] > 3.0


def test_jargon_of_unknown_words_claims_nothing(measure: Measure) -> None:
    measured = measure("Oligomerised flumbotide spectrophoretically eluted quombing, retrofluxed.")
    for name in ("choice", "context", "margin", "best"):
        assert not measured.column(name).any(), name


def test_between_unknown_words_the_neighbours_say_nothing(measure: Measure) -> None:
    measured = measure("flumbotide sufficient quombing")
    at = measured.at("sufficient")
    assert measured.column("context")[at] == pytest.approx(0.0, abs=5e-4)


@given(any_text)
def test_any_text_has_finite_signals(measure: Measure, lexicon: LexiconFiles, text: str) -> None:
    measured = measure(text)
    for name in ("choice", "context", "margin"):
        assert np.isfinite(measured.column(name)).all(), name
    assert (measured.column("choice") >= 0).all()
    best = measured.column("best")
    assert ((best == 0) | ((best > 3) & (best < len(lexicon.tables.log_count)))).all()
    assert not (best == measured.column("ids"))[best > 0].any(), "a word is no suggestion for itself"
