import numpy as np
import pytest
from hypothesis import given

from tests.measuring import Measure
from tests.strategies import any_text


def rho(measure: Measure, text: str, word: str) -> float:
    """Association of `word` with the word before it."""
    measured = measure(text)
    return float(measured.column("pair")[measured.at(word)])


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("a strong wind", "a powerful wind"),
        ("he took a decision to resign", "he took a conclusion to resign"),
        ("the brain stem", "the mind stem"),
        ("a bunch of flowers", "a bunch of blossomings"),
    ],
)
def test_usual_pairs_fit_better_than_spun_ones(measure: Measure, good: str, bad: str) -> None:
    def total(text: str) -> float:
        return float(measure(text).column("pair").sum())

    assert total(good) > total(bad) + 1.0


def test_an_unseen_pair_of_frequent_words_is_evidence(measure: Measure) -> None:
    assert rho(measure, "the of", "of") < -4.0


@pytest.mark.parametrize("text", ["the flumbotide", "eluted quombing", "oligomerised the"])
def test_unknown_words_say_nothing(measure: Measure, text: str) -> None:
    assert rho(measure, text, text.split()[1]) == 0.0


def test_unseen_pairs_of_rare_words_say_next_to_nothing(measure: Measure) -> None:
    assert abs(rho(measure, "zymurgy quokka", "quokka")) < 0.1


def test_a_break_is_a_neighbour(measure: Measure) -> None:
    assert rho(measure, "He left. However, she stayed", "However") > rho(
        measure, "He left However, she stayed", "However"
    )


@given(any_text)
def test_every_association_is_finite(measure: Measure, text: str) -> None:
    measured = measure(text)
    for name in ("pair", "seen", "triple"):
        assert np.isfinite(measured.column(name)).all()
    assert (measured.column("seen") >= 0).all()
