from pathlib import Path

import numpy as np
import pytest

from detector.lm.reader import Reader
from detector.training import lm
from detector.training.examples import Example
from detector.training.states import CachedStates, StatesCache

TEXTS = ["the other theme", "in the theatre", "", "the other theme", "42 of them"]


def silent(line: str) -> None:
    """Takes a log line and forgets it."""


def test_states_are_read_once_and_kept(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = StatesCache(tmp_path, reader).of(TEXTS, silent, jobs=2)
    for text, states in zip(TEXTS, first, strict=True):
        fresh = reader.states(text)
        np.testing.assert_array_equal(states.values, fresh.values.astype(np.float16))
        np.testing.assert_array_equal(states.starts, fresh.starts)
        np.testing.assert_array_equal(states.ends, fresh.ends)
    monkeypatch.setattr(reader, "states", None)
    again = StatesCache(tmp_path, reader).of(TEXTS[::-1], silent)
    for one, other in zip(first, again[::-1], strict=True):
        np.testing.assert_array_equal(one.values, other.values)


def test_an_interrupted_run_goes_on_where_its_index_ends(reader: Reader, tmp_path: Path) -> None:
    whole = StatesCache(tmp_path, reader).of(TEXTS, silent)
    (index,) = tmp_path.glob("*/index.jsonl")
    index.write_text("".join(index.read_text().splitlines(keepends=True)[:2]))
    for one, other in zip(whole, StatesCache(tmp_path, reader).of(TEXTS, silent), strict=True):
        np.testing.assert_array_equal(one.values, other.values)


def test_tokens_are_labelled_by_the_spans_they_touch() -> None:
    states = CachedStates(np.zeros((4, 2), np.float16), np.array([0, 4, 9, 14]), np.array([4, 9, 14, 20]))

    def labels(spun: int, spans: tuple[tuple[int, int], ...] | None, partial: bool = False) -> list[int]:
        example = Example("x" * 20, "s", "g", spun, 0, spans=spans, partial=partial)
        return [int(label) for label in lm.token_labels(example, states)]

    assert labels(1, ((5, 10),)) == [0, 1, 1, 0]
    assert labels(1, ((5, 9),), partial=True) == [-1, 1, -1, -1]
    assert labels(1, None) == [-1, -1, -1, -1]
    assert labels(0, None) == [0, 0, 0, 0]


def make_stacked(count: int = 4000) -> lm.Stacked:
    """Two stages that each know half of the answer."""
    generator = np.random.default_rng(1)
    labels = np.arange(count) % 2
    fast, read = (generator.normal(3.0 * labels - 1.5, 2.0) for _ in range(2))
    return lm.Stacked(labels, np.ones(count), fast, read)


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_the_band_lets_its_share_of_honest_texts_through(share: float) -> None:
    data = make_stacked()
    low, high = lm.band_of(data, share)
    honest = data.fast[data.labels == 0]
    assert ((honest >= low) & (honest <= high)).mean() == pytest.approx(share, abs=0.005)


def test_both_stages_together_beat_each_and_pages_outside_the_band_keep_their_score() -> None:
    data = make_stacked()
    weights, band = lm.stack(data), lm.band_of(data, 0.2)
    rows = lm.table(data, weights)
    assert rows["1"]["auc"] > max(rows["0"]["auc"], rows["1, without the fast stage"]["auc"]) + 0.03
    assert rows["0"]["tpr_at_0.05"] < rows["0.2"]["tpr_at_0.05"]
    outside = (data.fast < band[0]) | (data.fast > band[1])
    np.testing.assert_array_equal(lm.cascade(data, weights, band)[outside], data.fast[outside])
