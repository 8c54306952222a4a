"""What labels change in a head. Both parts are linear in the features' normal scores, and written down as one small tree
a feature: pages called clean are pushed below the threshold (`hold_down`), and pages called spam get a detector of their
own (`fit_second`), whose odds are added to the head's. Either is enough for a page to stand out, so what the head
found before is lost only as far as the threshold has to rise for honest pages that the second one takes for spam.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.special import expit
from scipy.stats import norm

BINS = 32
FARTHEST = 3.0
"""Normal scores end here."""
STEPS = 50
CLOSE = 1e-4
"""Step of every slope at which a fit ends."""
RIDGE = 0.02
"""Nats per nat of hold for a slope of one: keeps directions small of which old documents say little."""
OLD_WEIGHT, SECOND_RIDGE = 1000.0, 3.0
"""Of all old honest documents together, and nats for a slope of one, where a labelled page weighs 1. A third or three
times as much of either changed little."""
FREE = 1e-3
"""For the constant instead."""
MOST_LEVERAGE = 0.9
"""Of one old document on its own odds: beyond it the approximation fails."""


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


def hold_down(design: np.ndarray, offset: np.ndarray, information: np.ndarray, hold: float) -> np.ndarray:
    """float64[F]: slopes that bring pages called clean below the threshold.

    `design` float64[D, F] of these pages, `offset` float64[D] how far in log-odds each is above it. `information`
    float64[F, F] as `information_of` old documents gives it; `hold` is what these weigh together, where each page
    weighs 1. So directions in which old documents near the threshold would move stay as they are (the Laplace
    approximation of Chapelle et al. 2014; "elastic weight consolidation", Kirkpatrick et al. 2017).
    """
    ones = np.ones(len(design))
    return _newton(design, 0.0 * ones, offset, ones, hold * information)


def information_of(design: np.ndarray, offset: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """float64[F, F]: the Fisher information of old documents, weights summing to 1, and a little of a ridge."""
    p = expit(offset)
    curvature: np.ndarray = design.T @ (design * (weights * p * (1 - p))[:, None])
    return curvature + RIDGE * np.eye(design.shape[1])


def fit_second(
    design: np.ndarray, labels: np.ndarray, honest: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(slopes float64[F], log-odds float64[H]) of a logistic regression of labelled pages (`design` float64[D, F],
    `labels` int[D]) against old `honest` documents float64[H, F] alone. `weights` sum to 1.

    The log-odds are of the honest documents, each by a fit without it (approximate leave-one-out: Rad and Maleki
    2020): thresholds rest on them.
    """
    joined = np.concatenate([design, honest])
    answers = np.r_[labels, np.zeros(len(honest))]
    weighed = np.r_[np.ones(len(labels)), OLD_WEIGHT * weights]
    penalty = SECOND_RIDGE * np.eye(design.shape[1])
    penalty[-1, -1] = FREE
    slopes = _newton(joined, answers, np.zeros(len(joined)), weighed, penalty)
    p = expit(joined @ slopes)
    curvature = joined.T @ (joined * (weighed * p * (1 - p))[:, None]) + penalty
    reach = np.square(solve_triangular(cholesky(curvature, lower=True), honest.T, lower=True)).sum(axis=0)
    old_p, old_weight = p[len(design) :], weighed[len(design) :]
    leverage = np.minimum(old_weight * old_p * (1 - old_p) * reach, MOST_LEVERAGE)
    return slopes, honest @ slopes + old_weight * old_p * reach / (1 - leverage)


def _newton(
    design: np.ndarray, labels: np.ndarray, offset: np.ndarray, weights: np.ndarray, penalty: np.ndarray
) -> np.ndarray:
    """float64[F] slopes of a weighted logistic regression with a quadratic `penalty` float64[F, F]."""
    slopes = np.zeros(design.shape[1])

    def loss(slopes: np.ndarray) -> float:
        odds = offset + design @ slopes
        return float(weights @ (np.logaddexp(0.0, odds) - labels * odds) + 0.5 * slopes @ penalty @ slopes)

    least = loss(slopes)
    for _ in range(STEPS):  # halving steps that overshoot
        p = expit(offset + design @ slopes)
        slope = design.T @ (weights * (p - labels)) + penalty @ slopes
        curvature = design.T @ (design * (weights * p * (1 - p))[:, None]) + penalty
        step = np.linalg.solve(curvature, slope)
        size = 1.0
        while size > 1e-6 and loss(slopes - size * step) > least:
            size /= 2
        slopes = slopes - size * step
        least = loss(slopes)
        if np.abs(size * step).max() < CLOSE:
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
