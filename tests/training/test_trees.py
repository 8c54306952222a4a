"""Boosted trees leave scikit-learn and must say the same outside it."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from detector.features import WIDTH
from detector.training.trees import export_trees, join_trees, split_trees


def fitted(seed: int) -> tuple[HistGradientBoostingClassifier, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    matrix = generator.normal(size=(400, WIDTH)).astype(np.float32)
    columns = np.sort(generator.choice(WIDTH, 20, replace=False))
    labels = matrix[:, columns[0]] * matrix[:, columns[1]] > 0
    classifier = HistGradientBoostingClassifier(max_iter=30, max_leaf_nodes=6, random_state=0)
    return classifier.fit(matrix[:, columns], labels), matrix, columns


def test_exported_trees_equal_the_decision_function() -> None:
    classifier, matrix, columns = fitted(0)
    expected = classifier.decision_function(matrix[:, columns])
    np.testing.assert_allclose(export_trees(classifier, columns).raw(matrix), expected, rtol=0, atol=1e-9)


def test_joined_heads_keep_their_own_scores() -> None:
    parts = [(*fitted(seed),) for seed in (1, 2)]
    trees = [export_trees(classifier, columns) for classifier, _, columns in parts]
    arrays = join_trees(*trees)
    for head, tree, (_, matrix, _) in zip(("spun", "stuffed"), trees, parts, strict=True):
        joined = type(tree)(arrays["trees.npy"], arrays[f"{head}_roots.npy"], tree.scale)
        assert np.array_equal(joined.raw(matrix), tree.raw(matrix))


def test_the_odds_of_a_second_sum_are_added() -> None:
    parts = [(*fitted(seed),) for seed in (1, 2, 3)]
    first, second, other = (export_trees(classifier, columns) for classifier, _, columns in parts)
    both = first.with_second(second.nodes, second.roots, -1.5)
    joined, _ = split_trees(join_trees(both, other))
    for _, matrix, _ in parts:
        more = second.raw(matrix) - second.scale[0] - 1.5
        np.testing.assert_allclose(joined.raw(matrix), np.logaddexp(first.raw(matrix), more), atol=1e-9)
        for found, expected in zip(joined.sums(matrix), (first.raw(matrix), more), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-9)
