"""A word put between two that belong together."""

from __future__ import annotations

from tests.measuring import Measure


def gain_of(measure: Measure, text: str, word: str) -> float:
    measured = measure(text)
    return float(measured.column("gain")[measured.at(word)])


def test_a_compound_torn_apart_speaks_for_an_insertion(measure: Measure) -> None:
    assert gain_of(measure, "It appears counter-top intuitive for people to rest.", "top") > 2.0


def test_without_a_hyphen_it_says_nothing(measure: Measure) -> None:
    assert gain_of(measure, "It appears counter top intuitive for people to rest.", "top") == 0.0


def test_honest_compounds_do_not(measure: Measure) -> None:
    assert gain_of(measure, "It is a well-known fact that the long-term cost is high.", "known") == 0.0
    assert gain_of(measure, "It is a well-known fact that the long-term cost is high.", "term") == 0.0
    assert gain_of(measure, "She stood at the top of the stairs and laughed.", "top") == 0.0


def test_unknown_neighbours_claim_nothing(measure: Measure) -> None:
    assert gain_of(measure, "The zxqvut small qwzrtp was opened.", "small") == 0.0
