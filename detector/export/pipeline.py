"""The model as a scikit-learn pipeline: texts -> features -> both probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import Pipeline

from detector.export.trees import PlainTrees, plain_trees
from detector.model import HEADS, POLICIES, Model
from detector.sklearn import SpunFeatures


class SpunHeads(ClassifierMixin, BaseEstimator):
    """The fitted heads of a model as a multi-label classifier over the matrix of `SpunFeatures`.

    Parameters
    ----------
    trees : (PlainTrees, PlainTrees)
        Of `spun` and of `stuffed`.
    thresholds : (float, float)
        Probabilities from which on `predict` says 1: those of a policy.
    """

    def __init__(self, trees: tuple[PlainTrees, PlainTrees], thresholds: tuple[float, float]) -> None:
        self.trees = trees
        self.thresholds = thresholds

    @property
    def classes_(self) -> list[np.ndarray]:
        """As in scikit-learn's other multi-label classifiers: 0 and 1 for each head."""
        return [np.array([0, 1]) for _ in HEADS]

    def fit(self, X: Any = None, y: Any = None) -> SpunHeads:
        """Nothing is learned: the heads are fitted already."""
        return self

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        """float64[D, 2]: calibrated log-odds of `spun` and `stuffed` for X float32[D, F]."""
        matrix = np.asarray(X, np.float32)
        return np.column_stack([trees.log_odds(matrix) for trees in self.trees])

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """float64[D, 2]: the probabilities of `spun` and `stuffed`; they need not add up to 1."""
        probabilities: np.ndarray = 1.0 / (1.0 + np.exp(-self.decision_function(X)))
        return probabilities

    def predict(self, X: np.ndarray) -> np.ndarray:
        """int64[D, 2]: 1 where a probability reaches its threshold."""
        return (self.predict_proba(X) >= self.thresholds).astype(np.int64)

    def __sklearn_is_fitted__(self) -> bool:
        return True


def to_pipeline(model: Model, fpr: float = POLICIES["balanced"]) -> Pipeline:
    """A pipeline from texts or Documents to `predict_proba` float64[D, 2], with the model inside.

    `predict` flags at most a share `fpr` of honest documents, as the detector's policies do. It needs this
    package, in the release that made it, wherever it is loaded. Raises ValueError for `fpr` outside (0, 0.5].
    """
    heads = SpunHeads((plain_trees(model, HEADS[0]), plain_trees(model, HEADS[1])), model.thresholds(fpr))
    return Pipeline([("features", SpunFeatures(model)), ("heads", heads)])
