"""Boosted trees from scikit-learn -> the flat arrays of a bundle.

scikit-learn has no public view of a fitted histogram booster, so this reads `_predictors` (unchanged since
0.21, read by skl2onnx too); a test holds the result against `decision_function`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from detector.features import head_odds, lay_out, new_walk
from detector.kernels import kernel
from detector.model import added_of


@kernel
def _walk(head, matrix, walk, out):
    head_odds(head, matrix, walk, out)


@dataclass(frozen=True)
class Trees:
    """One head: `nodes` float64[N, 5], `roots` int32[R], `scale` float64[3] and `added` float64[2], as
    `features.lay_out` takes them; None for `added` if there is no second sum."""

    nodes: np.ndarray
    roots: np.ndarray
    scale: np.ndarray
    added: np.ndarray | None = None

    def raw(self, matrix: np.ndarray) -> np.ndarray:
        """float64[D] log-odds of `matrix` float32[D, WIDTH] under `scale`."""
        out = np.empty(len(matrix))
        added = np.array([len(self.roots), 0.0]) if self.added is None else self.added
        head = lay_out(self.nodes, self.roots, self.scale, added)
        _walk(head, np.ascontiguousarray(matrix, np.float32), new_walk(), out)
        return out

    def uncalibrated(self) -> Trees:
        """The same trees without slope and intercept of the calibration."""
        return replace(self, scale=np.array([self.scale[0], 1.0, 0.0]))

    def sums(self, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both sums before calibration, float64[D] each; -inf for a second one that there is not. The odds of
        the head are those of both together (`np.logaddexp`)."""
        if self.added is None:
            return self.uncalibrated().raw(matrix), np.full(len(matrix), -np.inf)
        first = int(self.added[0])
        parts = ((self.roots[:first], self.scale[0]), (self.roots[first:], self.added[1]))
        one, other = (
            Trees(self.nodes, roots, np.array([base, 1.0, 0.0])).raw(matrix) for roots, base in parts
        )
        return one, other

    def plus(self, nodes: np.ndarray, roots: np.ndarray, constant: float) -> Trees:
        """With more trees and a constant added to the first sum, where there is no second one yet."""
        scale = self.scale + np.array([constant, 0.0, 0.0])
        return replace(self._joined(nodes, roots), scale=scale)

    def with_second(self, nodes: np.ndarray, roots: np.ndarray, base: float) -> Trees:
        """With these trees and `base` as the second sum, where there is none yet."""
        return replace(self._joined(nodes, roots), added=np.array([len(self.roots), base]))

    def _joined(self, nodes: np.ndarray, roots: np.ndarray) -> Trees:
        if self.added is not None:
            raise ValueError("this head has a second sum already: train from one without")
        more = nodes.copy()
        more[more[:, 0] >= 0, 2:4] += len(self.nodes)
        joined = np.concatenate([self.roots, roots + len(self.nodes)]).astype(np.int32)
        return replace(self, nodes=np.concatenate([self.nodes, more]), roots=joined)


def export_trees(classifier: HistGradientBoostingClassifier, columns: np.ndarray) -> Trees:
    """The trees of a fitted binary classifier; `columns` maps its features to those of the whole vector."""
    nodes, roots, size = [], [], 0
    for (predictor,) in classifier._predictors:
        tree = predictor.nodes
        leaf = tree["is_leaf"].astype(bool)
        flat = np.zeros((len(tree), 5))
        flat[:, 0] = np.where(leaf, -1, columns[tree["feature_idx"]])
        flat[:, 1] = np.where(leaf, 0, tree["num_threshold"])
        flat[:, 2] = np.where(leaf, 0, tree["left"] + size)
        flat[:, 3] = np.where(leaf, 0, tree["right"] + size)
        flat[:, 4] = tree["value"]
        nodes.append(flat)
        roots.append(size)
        size += len(tree)
    base = float(np.ravel(classifier._baseline_prediction)[0])
    return Trees(np.concatenate(nodes), np.array(roots, np.int32), np.array([base, 1.0, 0.0]))


def join_trees(spun: Trees, stuffed: Trees) -> dict[str, np.ndarray]:
    """Both heads as the arrays of a bundle."""
    shifted = stuffed.nodes.copy()
    shifted[stuffed.nodes[:, 0] >= 0, 2:4] += len(spun.nodes)
    heads = (spun, stuffed)
    added = [[len(head.roots), 0.0] if head.added is None else head.added for head in heads]
    return ({} if all(head.added is None for head in heads) else {"added.npy": np.array(added)}) | {
        "trees.npy": np.concatenate([spun.nodes, shifted]),
        "spun_roots.npy": spun.roots,
        "stuffed_roots.npy": (stuffed.roots + len(spun.nodes)).astype(np.int32),
        "scales.npy": np.array([head.scale for head in heads]),
    }


def split_trees(arrays: Mapping[str, np.ndarray]) -> tuple[Trees, Trees]:
    """The spun and the stuffed head from the arrays of a bundle, each with its own nodes only: `join_trees`
    backwards."""
    trees, scales, added = arrays["trees.npy"], arrays["scales.npy"], added_of(arrays)
    return (
        _taken_out(trees, arrays["spun_roots.npy"], scales[0], added[0]),
        _taken_out(trees, arrays["stuffed_roots.npy"], scales[1], added[1]),
    )


def _taken_out(trees: np.ndarray, roots: np.ndarray, scale: np.ndarray, added: np.ndarray) -> Trees:
    used = np.zeros(len(trees), bool)
    level = roots.astype(np.int64)
    while len(level):
        used[level] = True
        level = trees[level[trees[level, 0] >= 0], 2:4].ravel().astype(np.int64)
    number = np.cumsum(used) - 1
    nodes = trees[used].copy()
    inner = nodes[:, 0] >= 0
    nodes[inner, 2:4] = number[nodes[inner, 2:4].astype(np.int64)]
    return Trees(nodes, number[roots].astype(np.int32), scale, added if added[0] < len(roots) else None)
