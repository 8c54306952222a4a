"""The first layers of a Llama-type language model as an ONNX graph that reads one page in 8-bit arithmetic.

In: `ids` int64[L], L <= `Shape.positions`. Out: `states` float32[L, width * taps], the residual stream after
each layer of `Shape.taps`, side by side. Architecture: Touvron et al. 2023 (RMS norm, rotary positions, grouped-query attention, SwiGLU).
Weights are int8 with one scale per output column. Activations are quantised row by row, each token on its
own, so that a page's states do not depend on what else is read, nor on the few tokens with huge activations
(Dettmers et al. 2022).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 21, 10
CONTRIB = "com.microsoft"


@dataclass(frozen=True)
class Shape:
    """Sizes of a model. It is cut after the last of `taps` (layers, counted from 1). `width` is split over
    `heads`; `groups` of heads share keys and values."""

    taps: tuple[int, ...]
    width: int
    heads: int
    groups: int
    inner: int
    vocabulary: int
    positions: int
    rope_base: float
    epsilon: float

    @property
    def head_width(self) -> int:
        return self.width // self.heads


Weights = Callable[[str], np.ndarray]
"""Tensor name as in a GGUF file -> float32 array [out, in], or a vector."""


class _Graph:
    """Nodes and initialisers under construction."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray | np.generic) -> str:
        self.initializers.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        name = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], domain=domain, **attributes))
        return name


def build_graph(shape: Shape, weights: Weights) -> onnx.ModelProto:
    """The model cut after the last tap."""
    graph = _Graph()
    _shared_constants(graph, shape)
    state = _embed(graph, weights("token_embd.weight"))
    tapped = []
    for layer in range(max(shape.taps)):
        state = _attend(graph, shape, weights, f"blk.{layer}", state)
        state = _feed_forward(graph, shape, weights, f"blk.{layer}", state)
        if layer + 1 in shape.taps:
            tapped.append(state)
    graph.nodes.append(helper.make_node("Concat", tapped, ["states"], axis=1))
    width = shape.width * len(shape.taps)
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            "language_model",
            [helper.make_tensor_value_info("ids", TensorProto.INT64, ["length"])],
            [helper.make_tensor_value_info("states", TensorProto.FLOAT, ["length", width])],
            graph.initializers,
        ),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)],
        ir_version=IR_VERSION,
        producer_name="spun-text-detector",
    )


def quantise_rows(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(int8[N, K], float32[N] scales) of float32[N, K], symmetric, one scale a row."""
    scales = np.maximum(np.abs(matrix).max(axis=1), 1e-8).astype(np.float32) / np.float32(127)
    return np.rint(matrix / scales[:, None]).astype(np.int8), scales


def _shared_constants(graph: _Graph, shape: Shape) -> None:
    half = shape.head_width // 2
    angle = np.arange(shape.positions)[:, None] * shape.rope_base ** (-np.arange(half) / half)
    graph.constant("cos", np.cos(angle).astype(np.float32))
    graph.constant("sin", np.sin(angle).astype(np.float32))
    graph.constant("one", np.array([1], np.int64))
    graph.constant("zero", np.array([0], np.int64))
    graph.constant("tiny", np.float32(1e-8))
    graph.constant("step", np.float32(1 / 127))
    graph.constant("middle", np.float32(128))
    graph.constant("middle_u8", np.uint8(128))
    length = graph.add("Shape", "ids")
    total = graph.add("Squeeze", length)
    graph.nodes += [
        helper.make_node("Cast", [total], ["total"], to=TensorProto.INT32),
        helper.make_node("Cast", [graph.add("Sub", length, "one")], ["last"], to=TensorProto.INT32),
    ]
    graph.constant("no_past", np.zeros((1, shape.groups, 0, shape.head_width), np.float32))


def _embed(graph: _Graph, table: np.ndarray) -> str:
    """Rows of the embedding table, int8 with one scale a row."""
    quantised, scales = quantise_rows(table)
    rows = graph.add("Gather", graph.constant("embedding", quantised), "ids")
    scale = graph.add("Gather", graph.constant("embedding_scales", scales[:, None]), "ids")
    return graph.add("Mul", graph.add("Cast", rows, to=TensorProto.FLOAT), scale)


def _norm(graph: _Graph, shape: Shape, weights: Weights, name: str, state: str) -> str:
    scale = graph.constant(name, weights(name))
    return graph.add("SimplifiedLayerNormalization", state, scale, epsilon=shape.epsilon, axis=-1)


def _linear(graph: _Graph, name: str, matrix: np.ndarray, state: str) -> str:
    """state float[L, K] times the transpose of `matrix` float32[N, K]."""
    quantised, scales = quantise_rows(matrix)
    size = graph.add("ReduceMax", graph.add("Abs", state), "one", keepdims=1)
    row_scale = graph.add("Max", graph.add("Mul", size, "step"), "tiny")
    steps = graph.add("Round", graph.add("Div", state, row_scale))
    codes = graph.add("Cast", graph.add("Add", steps, "middle"), to=TensorProto.UINT8)
    product = graph.add(
        "MatMulInteger", codes, graph.constant(name, np.ascontiguousarray(quantised.T)), "middle_u8"
    )
    real = graph.add("Mul", graph.add("Cast", product, to=TensorProto.FLOAT), row_scale)
    return graph.add("Mul", real, graph.constant(f"{name}.scales", scales))


def _attend(graph: _Graph, shape: Shape, weights: Weights, block: str, state: str) -> str:
    """state + attention over what stands before, itself included."""
    normed = _norm(graph, shape, weights, f"{block}.attn_norm.weight", state)
    parts = [weights(f"{block}.attn_{part}.weight") for part in "qkv"]
    joined = graph.add("Unsqueeze", _linear(graph, f"{block}.qkv", np.concatenate(parts), normed), "zero")
    heard = graph.add(
        "GroupQueryAttention", joined, "", "", "no_past", "no_past", "last", "total", "cos", "sin",
        domain=CONTRIB, num_heads=shape.heads, kv_num_heads=shape.groups, do_rotary=1, rotary_interleaved=1,
    )  # fmt: skip
    flat = graph.add("Squeeze", heard, "zero")
    output = _linear(graph, f"{block}.attn_output", weights(f"{block}.attn_output.weight"), flat)
    return graph.add("Add", state, output)


def _feed_forward(graph: _Graph, shape: Shape, weights: Weights, block: str, state: str) -> str:
    """state + SwiGLU (Shazeer 2020)."""
    normed = _norm(graph, shape, weights, f"{block}.ffn_norm.weight", state)
    both = np.concatenate([weights(f"{block}.ffn_gate.weight"), weights(f"{block}.ffn_up.weight")])
    product = _linear(graph, f"{block}.ffn_in", both, normed)
    gate, up = f"{block}.gate", f"{block}.up"
    graph.nodes.append(helper.make_node("Split", [product], [gate, up], axis=-1, num_outputs=2))
    active = graph.add("Mul", gate, graph.add("Sigmoid", gate))
    output = graph.add("Mul", active, up)
    return graph.add(
        "Add", state, _linear(graph, f"{block}.ffn_out", weights(f"{block}.ffn_down.weight"), output)
    )
