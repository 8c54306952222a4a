"""`SpunFeatures` in the company of scikit-learn's own tools."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline

from detector import Document, SpunFeatures
from detector.features import NAMES
from tests.texts import HONEST, SPUN, STUFFED


def test_one_row_per_text_one_named_column_per_feature() -> None:
    matrix = SpunFeatures().fit_transform([HONEST, Document(SPUN), STUFFED])
    assert matrix.shape == (3, len(NAMES))
    assert np.isfinite(matrix).all()
    assert SpunFeatures().get_feature_names_out().tolist() == list(NAMES)


def test_prefixes_choose_columns() -> None:
    features = SpunFeatures(only=("stuffing_",))
    names = features.get_feature_names_out().tolist()
    assert names == [name for name in NAMES if name.startswith("stuffing_")]
    whole = SpunFeatures().transform([STUFFED])
    assert np.array_equal(features.transform([STUFFED])[0], whole[0, [NAMES.index(n) for n in names]])


def test_clones_and_pickles_give_the_same_features() -> None:
    features = SpunFeatures(only=("swap_", "style_"))
    expected = features.transform([SPUN])
    for copy in (clone(features), pickle.loads(pickle.dumps(features))):
        assert np.array_equal(copy.transform([SPUN]), expected)


def test_works_inside_a_pipeline_under_cross_validation() -> None:
    texts = [HONEST, HONEST[:400], HONEST[200:], SPUN, SPUN[:400], SPUN[200:]]
    pipeline = make_pipeline(SpunFeatures(), LogisticRegression(max_iter=500))
    scores = cross_validate(
        pipeline, texts, [0, 0, 0, 1, 1, 1], cv=3, scoring="accuracy", error_score="raise"
    )
    assert len(scores["test_score"]) == 3


def test_misuse_says_what_was_expected() -> None:
    with pytest.raises(TypeError, match="wrap it in a list"):
        SpunFeatures().transform("one text")
    with pytest.raises(TypeError, match="item 1 is int"):
        SpunFeatures().fit(["text", 3])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="matches no feature"):
        SpunFeatures(only=("nonsense",)).get_feature_names_out()
