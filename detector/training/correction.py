"""A correction of a head, learned from few labelled documents and held to what the head says of old ones.

Linear in the features' normal scores. The loss of the labelled documents, with the head's own log-odds as
offset, plus the mean square by which the correction moves the old documents: so it finds the direction in which
the new differ from everything old (as discriminant analysis does, Fisher 1936), and without labels it is zero.
It is written down as one small tree a feature: the bundle and the kernel stay what they are.
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
RIDGE = 0.05
"""Of the movement's matrix: keeps directions small in which old documents hardly differ."""


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


def movement(design: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """float64[F, F], so that `slopes @ movement @ slopes` is the weighted mean square of what `slopes` add to the
    log-odds of the documents in `design` float64[D, F]."""
    found: np.ndarray = design.T @ (design * (weights / weights.sum())[:, None])
    return found


def fit_correction(
    design: np.ndarray, labels: np.ndarray, offset: np.ndarray, held: np.ndarray, hold: float
) -> np.ndarray:
    """float64[F]: what to add to the log-odds `offset` float64[D] per unit of each column of `design` float64[D, F].
    `held` is the `movement` of old documents, `hold` its weight in nats."""
    penalty = hold * (held + RIDGE * np.eye(len(held)))
    slopes = np.zeros(design.shape[1])

    def loss(slopes: np.ndarray) -> float:
        odds = offset + design @ slopes
        return float((np.logaddexp(0.0, odds) - labels * odds).sum() + 0.5 * slopes @ penalty @ slopes)

    for _ in range(STEPS):  # Newton's method, halving steps that overshoot
        p = expit(offset + design @ slopes)
        slope = design.T @ (p - labels) + penalty @ slopes
        step = np.linalg.solve(design.T @ (design * (p * (1 - p))[:, None]) + penalty, slope)
        size = 1.0
        while size > 1e-6 and loss(slopes - size * step) > loss(slopes):
            size /= 2
        slopes = slopes - size * step
        if np.abs(size * step).max() < 1e-8:
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
