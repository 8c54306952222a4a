"""The one place that knows how a loaded model keeps its trees: plain arrays for every export."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from detector.model import HEADS, Model, added_of


class PlainTrees(NamedTuple):
    """A head as a sum of R trees with N nodes, tree after tree, the root first.

    A row goes to `left` if its `feature` (int64[N], -1 in a leaf) is at most `threshold` (float32[N]: rows are
    float32), else to `right`; a leaf adds its `value` (float64[N]). `tree` int64[N] is the number of a node's
    tree, `roots` int64[R] where each begins. The log-odds are `slope` * raw + `intercept`, and raw is `base` + the
    sum of the first `first` trees' values; where there are more trees, `second` + the sum of theirs is added to it
    as odds are (the logarithm of the sum of both exponentials).
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    tree: np.ndarray
    roots: np.ndarray
    base: float
    slope: float
    intercept: float
    first: int
    second: float

    def log_odds(self, matrix: np.ndarray) -> np.ndarray:
        """float64[D] of `matrix` float32[D, F]; trees are added in their order, as the kernel adds them."""
        total = self._sum(matrix, self.roots[: self.first], self.base)
        if self.first < len(self.roots):
            total = np.logaddexp(total, self._sum(matrix, self.roots[self.first :], self.second))
        log_odds: np.ndarray = self.slope * total + self.intercept
        return log_odds

    def _sum(self, matrix: np.ndarray, roots: np.ndarray, base: float) -> np.ndarray:
        rows = np.arange(len(matrix))
        total = np.full(len(matrix), base)
        for root in roots:
            node = np.full(len(matrix), root)
            while (inner := self.feature[node] >= 0).any():
                below = matrix[rows, self.feature[node]] <= self.threshold[node]
                node = np.where(inner, np.where(below, self.left[node], self.right[node]), node)
            total += self.value[node]
        return total


def plain_trees(model: Model, head: str) -> PlainTrees:
    """The trees of "spun" or "stuffed", renumbered so that each tree stands together."""
    number = HEADS.index(head)
    nodes, roots = model.arrays["trees.npy"], model.arrays[f"{head}_roots.npy"]
    order: list[int] = []
    tree: list[int] = []
    begins: list[int] = []
    for t, root in enumerate(roots.tolist()):
        begins.append(len(order))
        pending = [root]
        while pending:
            node = pending.pop()
            order.append(node)
            tree.append(t)
            if nodes[node, 0] >= 0:
                pending += [int(nodes[node, 3]), int(nodes[node, 2])]
    place = {node: i for i, node in enumerate(order)}
    kept = nodes[order]
    inner = kept[:, 0] >= 0
    left, right = (
        np.array([place[int(child)] if i else 0 for child, i in zip(kept[:, column], inner)], np.int64)
        for column in (2, 3)
    )
    base, slope, intercept = model.arrays["scales.npy"][number].tolist()
    first, second = added_of(model.arrays)[number].tolist()
    return PlainTrees(
        np.where(inner, kept[:, 0], -1).astype(np.int64), _at_most(kept[:, 1]), left, right,
        np.where(inner, 0.0, kept[:, 4]), np.array(tree), np.array(begins), base, slope, intercept,
        int(first), second,
    )  # fmt: skip


def _at_most(threshold: np.ndarray) -> np.ndarray:
    """The largest float32 that is at most each float64: no float32 lies between, so `x <= threshold` stays
    the same for every float32 x."""
    nearest = threshold.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-np.inf))
    lowered: np.ndarray = np.where(nearest > threshold, below, nearest)
    return lowered
