"""The classifier as an ONNX graph: both heads as tree ensembles, calibration included (extra `onnx`).

Input `features` float32[D, F], in the order of `detector.features.NAMES`; output `probabilities` float32[D, 2]:
`spun`, `stuffed`. The features themselves are not in the graph: they come from this package.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from detector.export.trees import PlainTrees, plain_trees
from detector.model import HEADS, POLICIES, Model

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

ML_OPSET, OPSET, IR_VERSION = 3, 17, 8
"""Of 2022: what runtimes since then read."""


def to_onnx(model: Model) -> ModelProto:
    """The graph, checked. Its metadata hold the model's name, the names of the features and the thresholds by
    policy. Raises ModuleNotFoundError that names the extra."""
    try:
        from onnx import TensorProto, checker, helper
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            'ONNX export needs an extra: pip install "spun-text-detector[onnx]"', name="onnx"
        ) from None
    names = model.manifest["features"]
    nodes: list[NodeProto] = []
    constants = []
    for head in HEADS:
        trees = plain_trees(model, head)
        nodes += _raw(trees, head)
        constants.append(helper.make_tensor(f"{head}_slope", TensorProto.FLOAT, [1], [trees.slope]))
        constants.append(helper.make_tensor(f"{head}_intercept", TensorProto.FLOAT, [1], [trees.intercept]))
        nodes.append(helper.make_node("Mul", [f"{head}_sum", f"{head}_slope"], [f"{head}_scaled"]))
        nodes.append(helper.make_node("Add", [f"{head}_scaled", f"{head}_intercept"], [f"{head}_odds"]))
    nodes.append(helper.make_node("Concat", [f"{head}_odds" for head in HEADS], ["odds"], axis=1))
    nodes.append(helper.make_node("Sigmoid", ["odds"], ["probabilities"]))
    graph = helper.make_graph(
        nodes,
        "spun-text-detector",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["documents", len(names)])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["documents", len(HEADS)])],
        constants,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    made = helper.make_model(
        graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="spun-text-detector"
    )
    helper.set_model_props(made, _metadata(model))
    checker.check_model(made)
    return made


def _metadata(model: Model) -> dict[str, str]:
    thresholds = {policy: dict(zip(HEADS, model.thresholds(fpr))) for policy, fpr in POLICIES.items()}
    return {
        "model": model.name,
        "lexicon": model.manifest["lexicon"],
        "features": json.dumps(model.manifest["features"]),
        "outputs": json.dumps(HEADS),
        "thresholds": json.dumps(thresholds),
    }


def _raw(trees: PlainTrees, head: str) -> list[NodeProto]:
    """One head before calibration: `<head>_sum` float32[D, 1]."""
    from onnx import helper

    if trees.first == len(trees.roots):
        return [_ensemble(trees, 0, trees.first, trees.base, f"{head}_sum")]
    parts = [f"{head}_first", f"{head}_second"]
    return [
        _ensemble(trees, 0, trees.first, trees.base, parts[0]),
        _ensemble(trees, trees.first, len(trees.roots), trees.second, parts[1]),
        helper.make_node("Concat", parts, [f"{head}_both"], axis=1),
        helper.make_node("ReduceLogSumExp", [f"{head}_both"], [f"{head}_sum"], axes=[1], keepdims=1),
    ]


def _ensemble(trees: PlainTrees, start: int, stop: int, base: float, output: str) -> NodeProto:
    """The sum of trees `start` to `stop`. Nodes are numbered within their tree."""
    from onnx import helper

    rows = (trees.tree >= start) & (trees.tree < stop)
    tree, feature, value = trees.tree[rows], trees.feature[rows], trees.value[rows]
    begins = trees.roots[tree]
    within, left, right = np.flatnonzero(rows) - begins, trees.left[rows] - begins, trees.right[rows] - begins
    leaf = feature < 0
    return helper.make_node(
        "TreeEnsembleRegressor", ["features"], [output], domain="ai.onnx.ml", name=output,
        n_targets=1, aggregate_function="SUM", post_transform="NONE", base_values=[base],
        nodes_treeids=tree.tolist(), nodes_nodeids=within.tolist(),
        nodes_modes=np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        nodes_featureids=np.where(leaf, 0, feature).tolist(),
        nodes_values=np.where(leaf, 0, trees.threshold[rows]).astype(np.float32).tolist(),
        nodes_truenodeids=np.where(leaf, 0, left).tolist(),
        nodes_falsenodeids=np.where(leaf, 0, right).tolist(),
        nodes_hitrates=np.ones(len(leaf), np.float32).tolist(),
        nodes_missing_value_tracks_true=np.zeros(len(leaf), np.int64).tolist(),
        target_treeids=tree[leaf].tolist(), target_nodeids=within[leaf].tolist(),
        target_ids=np.zeros(int(leaf.sum()), np.int64).tolist(), target_weights=value[leaf].tolist(),
    )  # fmt: skip
