"""When is a difference more than chance? Known figures, and what must hold for any numbers."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.drift.compare import MIN_DOCUMENTS, compare, difference, share_shift, shift, stability
from detector.drift.sample import Sample

values = st.lists(st.floats(-100, 100, width=32), min_size=5, max_size=60)


@given(values, values)
def test_stability_is_zero_or_more_and_minds_no_order(old: list[float], new: list[float]) -> None:
    index, bins, _ = stability(np.array(old), np.array(new))
    assert index >= 0.0
    assert 2 <= bins <= 11
    again, _, _ = stability(np.array(old)[::-1], np.array(sorted(new)))
    assert again == pytest.approx(index)


@given(values)
def test_the_same_numbers_are_normal(numbers: list[float]) -> None:
    found = shift("x", np.array(numbers), np.array(numbers))
    assert (found.psi, found.ks, found.reading) == (pytest.approx(0.0), 0.0, "normal")


def test_stability_of_two_known_bins() -> None:
    """Half against three quarters above the only edge, by hand with the half document added to each bin."""
    old, new = np.array([0.0] * 50 + [1.0] * 50), np.array([0.0] * 25 + [1.0] * 75)
    index, bins, noise = stability(old, new)
    before, after = 50.5 / 101.5, np.array([25.5, 75.5]) / 101.5
    assert bins == 3  # the third lies above the largest value of old
    assert noise == pytest.approx(0.02)
    assert index == pytest.approx(sum((a - before) * np.log(a / before) for a in after))


def test_two_draws_from_one_source_are_normal() -> None:
    generator = np.random.default_rng(1)
    draws = [generator.normal(size=(2, 300)) for _ in range(300)]
    assert not [found for a, b in draws if (found := shift("x", a, b, len(draws))).reading != "normal"]


@pytest.mark.parametrize(
    ("moved", "reading"), [(0.1, "normal"), (0.4, "moved"), (1.0, "moved far")], ids=["a bit", "some", "far"]
)
def test_a_moved_mean(moved: float, reading: str) -> None:
    generator = np.random.default_rng(2)
    assert shift("x", generator.normal(size=2000), generator.normal(moved, size=2000)).reading == reading


def test_something_that_never_was_before() -> None:
    found = shift("spintax", np.zeros(400), np.r_[np.zeros(240), np.ones(160)])
    assert found.reading == "moved far"
    assert found.new_mean == pytest.approx(0.4)


def test_few_documents_claim_nothing() -> None:
    assert shift("x", np.linspace(0, 1, 6), np.linspace(0.4, 1.4, 6)).reading == "normal"


@pytest.mark.parametrize(
    ("a", "m", "b", "n", "low", "high"),
    [(48, 80, 56, 70, 0.0524, 0.3339), (3, 10, 9, 10, 0.1705, 0.8090), (0, 10, 10, 10, 0.6075, 1.0)],
)
def test_interval_of_a_difference_as_published(
    a: int, m: int, b: int, n: int, low: float, high: float
) -> None:
    """Table II of Newcombe 1998, method 10, 95 %."""
    assert difference(a, m, b, n, z=1.959964) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(
    ("old", "new", "reading"),
    [(10, 12, "normal"), (10, 40, "moved"), (400, 430, "normal"), (400, 560, "moved"), (1, 3, "normal")],
)
def test_shares_of_a_thousand(old: int, new: int, reading: str) -> None:
    sides = (Counter(spam=old, clean=1000 - old), Counter(spam=new, clean=1000 - new))
    assert share_shift("spam", *sides).reading == reading


def test_too_little_is_refused_with_the_reason() -> None:
    side = Sample("old.jsonl")
    side.fail("old.jsonl:1: not valid JSON")
    with pytest.raises(
        ValueError, match=rf"0 scored documents of 1; at least {MIN_DOCUMENTS}.*not valid JSON"
    ):
        compare(side, side)
