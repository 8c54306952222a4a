import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.lm.probe import moments
from detector.training.lm_probe import Page, fit_probe
from tests.lm.tiny import WIDTH, make_probe


def make_pages(count: int, seed: int) -> list[Page]:
    """On spun pages every fourth state is pushed in one direction, and the state after it in another."""
    generator = np.random.default_rng(seed)
    mark, echo = generator.normal(size=(2, 16)) * 1.5
    pages = []
    for i in range(count):
        states = generator.normal(size=(generator.integers(8, 40), 16))
        labels = np.zeros(len(states), np.int8)
        if i % 2:
            labels[1:-1:4] = 1
            states[1:-1:4] += mark
            states[2::4] += echo
        pages.append(Page(states.astype(np.float16), labels, i % 2, 1.0))
    return pages


def test_fitting_finds_replaced_tokens_and_spun_pages_that_it_did_not_see() -> None:
    pages = make_pages(240, 1)
    probe = fit_probe(pages[:200], seed=0, hidden=8, epochs=30)
    right = replaced = 0
    for page in pages[200:]:
        odds, tokens = probe(page.states.astype(np.float32))
        right += (odds > 0) == page.spun
        replaced += int(((tokens > 0) == page.tokens).sum())
    assert right >= 38
    assert replaced / sum(len(page.tokens) for page in pages[200:]) > 0.85


def test_fitting_twice_gives_the_same_numbers() -> None:
    pages = make_pages(40, 2)
    one, two = (fit_probe(pages, seed=3, hidden=4, epochs=2) for _ in range(2))
    np.testing.assert_array_equal(one.hidden, two.hidden)
    np.testing.assert_array_equal(one.page, two.page)


def test_pages_of_unknown_tokens_teach_by_their_label_alone() -> None:
    pages = [Page(p.states, np.full_like(p.tokens, -1), p.spun, 1.0) for p in make_pages(200, 4)]
    probe = fit_probe(pages[:160], seed=0, hidden=8, epochs=30)
    assert sum((probe(p.states.astype(np.float32))[0] > 0) == p.spun for p in pages[160:]) >= 35


@given(st.lists(st.floats(-60, 60), min_size=1, max_size=50))
def test_moments_are_finite_and_in_range(odds: list[float]) -> None:
    mean, square, log_mean = moments(np.array(odds, np.float32))
    assert 0 <= square <= mean + 1e-6
    assert mean <= 4
    assert min(odds) - 1e-3 <= log_mean <= max(odds) + 1e-3


@pytest.mark.parametrize("value", [0.0, 1e6, -1e6])
def test_states_far_out_do_not_break_it(value: float) -> None:
    page, tokens = make_probe()(np.full((3, WIDTH), value, np.float32))
    assert np.isfinite(page)
    assert np.isfinite(tokens).all()
