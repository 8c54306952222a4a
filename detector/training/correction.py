"""A correction of a head, learned from few labelled documents together with all old ones.

Linear in the features' normal scores, with the head's own log-odds as offset: a logistic regression on new and old
documents, of which the old weigh more the more firmly the head is held ("rehearsal": Robins 1995). So what the
labels teach may move old documents, but not to the wrong side. It is written down as one small tree a feature: the
bundle and the kernel stay what they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from scipy.stats import norm

BINS = 32
FARTHEST = 3.0
"""Normal scores end here."""
STEPS = 50
RIDGE = 0.02
"""Nats per nat of hold for a slope of one: keeps directions small of which old documents say little."""


@dataclass(frozen=True)
class Scores:
    """Features as normal scores: bin `edges` of each column on old documents and the score of each bin."""

    edges: list[np.ndarray]
    values: list[np.ndarray]

    @classmethod
    def fit(cls, matrix: np.ndarray) -> Scores:
        """From float32[D, F] old documents. Each score has mean 0 and variance 1 over them."""
        edges, values = [], []
        for column in matrix.T:
            cuts = np.unique(np.quantile(column, np.linspace(0, 1, BINS + 1)[1:-1], method="nearest"))
            counts = np.bincount(np.searchsorted(cuts, column), minlength=len(cuts) + 1)
            middle = (np.cumsum(counts) - counts / 2) / len(column)
            score = np.clip(norm.ppf(middle), -FARTHEST, FARTHEST)
            score -= (score * counts).sum() / len(column)
            spread = np.sqrt((score**2 * counts).sum() / len(column))
            edges.append(cuts)
            values.append(score / spread if spread > 0 else np.zeros(len(score)))
        return cls(edges, values)

    def transform(self, matrix: np.ndarray) -> np.ndarray:
        """float64[D, F]."""
        return np.column_stack(
            [v[np.searchsorted(e, x)] for e, v, x in zip(self.edges, self.values, matrix.T, strict=True)]
        )


def with_constant(design: np.ndarray) -> np.ndarray:
    """float64[D, F + 1]: a column of ones at the end."""
    return np.column_stack([design, np.ones(len(design))])


@dataclass(frozen=True)
class Old:
    """Old documents: `design` float64[D, F], `labels` int[D] (1 or 0), `offset` float64[D] log-odds out of fold,
    `weights` float64[D], which sum to 1."""

    design: np.ndarray
    labels: np.ndarray
    offset: np.ndarray
    weights: np.ndarray


def fit_correction(
    design: np.ndarray, labels: np.ndarray, offset: np.ndarray, old: Old, hold: float
) -> np.ndarray:
    """float64[F]: what to add to the log-odds `offset` float64[D] per unit of each column of `design` float64[D, F].
    `hold` is what the old documents weigh together, where each new one weighs 1."""
    joined = np.concatenate([design, old.design])
    answers, start = np.r_[labels, old.labels], np.r_[offset, old.offset]
    weights = np.r_[np.ones(len(labels)), hold * old.weights]
    ridge = hold * RIDGE
    slopes = np.zeros(design.shape[1])

    def loss(slopes: np.ndarray) -> float:
        odds = start + joined @ slopes
        return float(weights @ (np.logaddexp(0.0, odds) - answers * odds) + 0.5 * ridge * slopes @ slopes)

    least = loss(slopes)
    for _ in range(STEPS):  # Newton's method, halving steps that overshoot
        p = expit(start + joined @ slopes)
        slope = joined.T @ (weights * (p - answers)) + ridge * slopes
        curvature = joined.T @ (joined * (weights * p * (1 - p))[:, None])
        step = np.linalg.solve(curvature + ridge * np.eye(len(slopes)), slope)
        size = 1.0
        while size > 1e-6 and loss(slopes - size * step) > least:
            size /= 2
        slopes = slopes - size * step
        least = loss(slopes)
        if np.abs(size * step).max() < 1e-6:
            break
    return slopes


def as_trees(scores: Scores, slopes: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(nodes float64[N, 5], roots int32[R]) that add `slopes` float64[F] times the scores, as
    `features.head_odds` walks them; `columns` are the features' places in the whole vector."""
    nodes: list[list[float]] = []
    roots = []
    for cuts, values, slope, column in zip(scores.edges, scores.values, slopes, columns, strict=True):
        if slope and values.any():
            roots.append(len(nodes))
            _grow(nodes, cuts, slope * values, int(column))
    return np.array(nodes, np.float64).reshape(-1, 5), np.array(roots, np.int32)


def _grow(nodes: list[list[float]], cuts: np.ndarray, values: np.ndarray, column: int) -> int:
    """Append a balanced tree that gives `values[i]` between `cuts[i - 1]` and `cuts[i]`; returns its place."""
    place = len(nodes)
    nodes.append([-1.0, 0.0, 0.0, 0.0, float(values[0])])
    if len(values) > 1:
        middle = len(cuts) // 2
        left = _grow(nodes, cuts[:middle], values[: middle + 1], column)
        right = _grow(nodes, cuts[middle + 1 :], values[middle + 1 :], column)
        nodes[place] = [float(column), float(cuts[middle]), float(left), float(right), 0.0]
    return place
