import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.lexicon.tables import LexiconFiles
from tests.measuring import Measure, Measured


def found(measured: Measured, lexicon: LexiconFiles) -> dict[str, str]:
    """{phrase as it stands: suggestion}."""
    phrase, cover = measured.column("phrase"), measured.column("cover")
    starts, ends = measured.column("starts"), measured.column("ends")
    return {
        measured.text[starts[t] : ends[t + cover[t] - 1]]: lexicon.suggestion(int(phrase[t]) - 1)
        for t in np.flatnonzero(phrase)
    }


@pytest.mark.parametrize(
    ("text", "phrase", "suggestion"),
    [
        ("The mind stem is deep inside.", "mind stem", "brain stem"),
        ("We used Profound Learning here.", "Profound Learning", "deep learning"),
        ("On the off chance that you agree, call.", "On the off chance that you", "if you"),
        ("Using profound-learning we won.", "profound-learning", "deep learning"),
        ("p\u0430rking: the mind st\u0435m", "mind st\u0435m", "brain stem"),  # disguised by look-alikes
    ],
)
def test_known_phrases_are_found_with_their_original(
    measure: Measure, lexicon: LexiconFiles, text: str, phrase: str, suggestion: str
) -> None:
    assert found(measure(text), lexicon)[phrase] == suggestion


@pytest.mark.parametrize(
    "text", ["It came to mind. Stem cells are next.", "", "mind", "mind flumbotide stem"]
)
def test_phrases_end_at_breaks_and_unknown_words(measure: Measure, lexicon: LexiconFiles, text: str) -> None:
    assert not any("stem" in phrase for phrase in found(measure(text), lexicon))


@given(
    st.lists(
        st.sampled_from("mind stem on the off chance that profound learning . flumbotide".split()),
        max_size=30,
    )
)
def test_matches_never_overlap(measure: Measure, words: list[str]) -> None:
    measured = measure(" ".join(words))
    phrase, cover = measured.column("phrase"), measured.column("cover")
    left = 0
    for t in range(measured.count):
        if phrase[t]:
            assert left == 0
            assert 2 <= cover[t] <= 6
            left = int(cover[t])
        assert cover[t] == left
        left = max(left - 1, 0)
    assert left == 0, "a phrase may not run past the end"
