"""A language model of the real one's shape with random weights, and a last stage fitted to nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from tokenizers import pre_tokenizers

from detector.lm.graph import Shape
from detector.lm.probe import Probe
from detector.lm.reader import POSITIONS
from detector.lm.stage import Fitted

SHAPE = Shape(
    taps=(1, 2), width=64, heads=4, groups=2, inner=96, vocabulary=300, positions=POSITIONS, rope_base=10_000.0,
    epsilon=1e-5,
)  # fmt: skip
WIDTH = SHAPE.width * len(SHAPE.taps)
MERGES = [("t", "h"), ("Ġ", "th"), ("Ġth", "e"), ("i", "n"), ("Ġ", "a"), ("Ġ", "o"), ("e", "r")]


def vocabulary() -> list[str]:
    """A separator, all bytes, one token a merge."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    return ["<|endoftext|>", *letters, *(left + right for left, right in MERGES)]


def tensors(seed: int = 3) -> dict[str, np.ndarray]:
    """Named as in a GGUF file, [out, in]."""
    generator = np.random.default_rng(seed)

    def matrix(rows: int, columns: int) -> np.ndarray:
        return generator.normal(0, columns**-0.5, (rows, columns)).astype(np.float32)

    width, shared = SHAPE.width, SHAPE.groups * SHAPE.head_width
    out = {"token_embd.weight": matrix(len(vocabulary()), width) * 3}
    for layer in range(max(SHAPE.taps)):
        block = f"blk.{layer}"
        for part, rows in (("q", width), ("k", shared), ("v", shared)):
            out[f"{block}.attn_{part}.weight"] = matrix(rows, width)
        out[f"{block}.attn_output.weight"] = matrix(width, width)
        out[f"{block}.ffn_gate.weight"] = matrix(SHAPE.inner, width)
        out[f"{block}.ffn_up.weight"] = matrix(SHAPE.inner, width)
        out[f"{block}.ffn_down.weight"] = matrix(width, SHAPE.inner)
        for norm in ("attn_norm", "ffn_norm"):
            out[f"{block}.{norm}.weight"] = generator.uniform(0.5, 1.5, width).astype(np.float32)
    return out


def write_gguf(path: Path) -> Path:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(max(SHAPE.taps))
    writer.add_embedding_length(SHAPE.width)
    writer.add_feed_forward_length(SHAPE.inner)
    writer.add_head_count(SHAPE.heads)
    writer.add_head_count_kv(SHAPE.groups)
    writer.add_rope_freq_base(SHAPE.rope_base)
    writer.add_layer_norm_rms_eps(SHAPE.epsilon)
    writer.add_vocab_size(len(vocabulary()))
    writer.add_token_list(vocabulary())
    writer.add_token_merges([" ".join(pair) for pair in MERGES])
    for name, values in tensors().items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def make_probe(seed: int = 5, hidden: int = 6) -> Probe:
    generator = np.random.default_rng(seed)

    def some(*size: int) -> np.ndarray:
        return generator.normal(0, 0.5, size).astype(np.float32)

    return Probe(
        mean=some(WIDTH), scale=np.ones(WIDTH, np.float32), hidden=some(2 * WIDTH, hidden),
        hidden_bias=some(hidden), token=some(hidden + 1), page=some(hidden + 4), pool_mean=some(WIDTH),
        pool_scale=np.ones(WIDTH, np.float32), pool=some(WIDTH),
    )  # fmt: skip


def make_fitted(model: str, reader: str = "tiny/1+2", **changes: Any) -> Fitted:
    """Reads between fast log-odds of -2 and 3; one curve for each way of use, four rates."""
    curves = np.array([[4.0, 3.0, 2.0, -1.0], [6.0, 5.0, 4.0, 1.0]])
    fitted = Fitted(
        make_probe(), np.array([0.5, 0.25, 2.0]), np.array([-2.0, 3.0]), curves,
        {"reader": reader, "model": model, "sha256": "0" * 64},
    )  # fmt: skip
    return replace(fitted, **changes)
