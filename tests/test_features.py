import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector import features
from detector.lexicon.tables import Lexicon
from detector.scoring import Detector
from detector.training.matrix import feature_matrix
from tests.conftest import Features
from tests.strategies import any_text
from tests.texts import HONEST, SPUN, STUFFED


def test_names_are_unique_and_one_per_column() -> None:
    assert len(set(features.NAMES)) == len(features.NAMES) == features.WIDTH


@given(st.lists(any_text, max_size=4))
def test_any_texts_have_finite_features(tables: Lexicon, detector: Detector, texts: list[str]) -> None:
    matrix = feature_matrix(tables, detector.model.heads.token_weights, texts)
    assert matrix.shape == (len(texts), features.WIDTH)
    assert np.isfinite(matrix).all()


def test_features_do_not_depend_on_neighbours_in_the_batch(tables: Lexicon, detector: Detector) -> None:
    texts = [STUFFED, "", HONEST, "\ud800", SPUN, HONEST]
    weights = detector.model.heads.token_weights
    together = feature_matrix(tables, weights, texts)
    alone = [feature_matrix(tables, weights, [text])[0] for text in texts]
    assert np.array_equal(together, np.array(alone))


def test_an_empty_text_gives_zeros(tables: Lexicon, detector: Detector) -> None:
    assert not feature_matrix(tables, detector.model.heads.token_weights, ["", " \n"]).any()


@pytest.mark.parametrize("text", [HONEST, SPUN, STUFFED])
def test_bins_are_shares(features_of: Features, text: str) -> None:
    found = features_of(text)
    assert sum(v for n, v in found.items() if n.startswith("replaced_odds_")) == pytest.approx(1.0)
    context = sum(v for n, v in found.items() if n.startswith("swap_context_"))
    assert context == pytest.approx(sum(v for n, v in found.items() if n.startswith("swap_choice_")))
    assert 0.1 < context < 0.7, "only words that fit badly are asked for synonyms"


def test_spinning_moves_the_swap_and_fit_bins(features_of: Features) -> None:
    spun, honest = features_of(SPUN), features_of(HONEST)
    worst = [f"swap_context_{i}" for i in range(features.CONTEXT_BINS - 4, features.CONTEXT_BINS)]
    assert sum(spun[name] for name in worst) > 1.5 * sum(honest[name] for name in worst)
    assert sum(spun[f"phrase_band_{i}"] for i in range(5)) > sum(honest[f"phrase_band_{i}"] for i in range(5))


def test_clean_text_around_a_spun_part_leaves_the_densest_stretch_as_it_is(features_of: Features) -> None:
    spun, clean = " ".join([SPUN] * 3), " ".join([HONEST] * 3)
    assert min(len(spun.split()), len(clean.split())) > features.STRETCH_WORDS
    alone, padded = features_of(spun), features_of(f"{clean}\n\n{spun}\n\n{clean}")
    names = [name for name in features.NAMES if name.startswith("stretch_")]
    assert sum(alone[name] for name in names if "odds" in name) == pytest.approx(1.0)
    assert padded["stretch_mean"] == pytest.approx(alone["stretch_mean"], abs=0.03)
    assert padded["replaced_mean"] < alone["replaced_mean"]


def test_a_short_text_is_one_stretch(features_of: Features) -> None:
    found = features_of("The rope is strong sufficient to hold a boat.")
    assert found["stretch_mean"] == pytest.approx(found["replaced_mean"])
    assert found["stretch_top_tenth"] == pytest.approx(found["replaced_top_tenth"])
