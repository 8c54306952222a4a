"""The 8-bit graph against the same model written out in float64."""

import numpy as np
import pytest

from detector.lm.graph import quantise_rows
from detector.lm.reader import SEPARATOR, Reader
from tests.lm.tiny import SHAPE, tensors

TEXT = "the other theme in the theatre, then 42 of them"


def reference(ids: list[int]) -> np.ndarray:
    """States after each tap, side by side. Touvron et al. 2023; rotary positions on neighbouring pairs."""
    weights = {name: values.astype(np.float64) for name, values in tensors().items()}
    state = weights["token_embd.weight"][ids]
    size = SHAPE.head_width
    angle = np.arange(len(ids))[:, None] * SHAPE.rope_base ** (-np.arange(size // 2) / (size // 2))
    turn = np.exp(1j * angle)
    hidden = np.triu(np.full((len(ids), len(ids)), -np.inf), 1)

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        return x / np.sqrt((x**2).mean(axis=1, keepdims=True) + SHAPE.epsilon) * weights[name]

    def rotated(x: np.ndarray) -> np.ndarray:
        turned = (x[:, 0::2] + 1j * x[:, 1::2]) * turn
        return np.stack([turned.real, turned.imag], axis=-1).reshape(len(ids), size)

    tapped = []
    for layer in range(max(SHAPE.taps)):
        block = f"blk.{layer}"
        x = norm(state, f"{block}.attn_norm.weight")
        q, k, v = (x @ weights[f"{block}.attn_{part}.weight"].T for part in "qkv")
        heard = []
        for head in range(SHAPE.heads):
            mine = slice(head * size, (head + 1) * size)
            group = head // (SHAPE.heads // SHAPE.groups)
            theirs = slice(group * size, (group + 1) * size)
            odds = rotated(q[:, mine]) @ rotated(k[:, theirs]).T / np.sqrt(size) + hidden
            share = np.exp(odds - odds.max(axis=1, keepdims=True))
            heard.append(share / share.sum(axis=1, keepdims=True) @ v[:, theirs])
        state = state + np.concatenate(heard, axis=1) @ weights[f"{block}.attn_output.weight"].T
        x = norm(state, f"{block}.ffn_norm.weight")
        gate = x @ weights[f"{block}.ffn_gate.weight"].T
        inner = gate / (1 + np.exp(-gate)) * (x @ weights[f"{block}.ffn_up.weight"].T)
        state = state + inner @ weights[f"{block}.ffn_down.weight"].T
        if layer + 1 in SHAPE.taps:
            tapped.append(state)
    return np.concatenate(tapped, axis=1)


def test_states_are_those_of_the_model_up_to_rounding(reader: Reader) -> None:
    states = reader.states(TEXT)
    ids = reader.token_ids(TEXT)
    expected = reference(ids)[1:]
    assert ids[0] == SEPARATOR
    assert states.values.shape == expected.shape
    error = np.abs(states.values - expected).mean() / np.abs(expected).mean()
    assert error < 0.03


def test_what_follows_does_not_change_what_was_read(reader: Reader) -> None:
    short, long = reader.states(TEXT).values, reader.states(TEXT + " or others").values
    assert len(long) > len(short)
    np.testing.assert_allclose(long[: len(short)], short, atol=1e-4)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e4])
def test_rows_are_quantised_to_within_half_a_step(size: float) -> None:
    matrix = (np.random.default_rng(0).normal(size=(5, 40)) * size).astype(np.float32)
    codes, scales = quantise_rows(matrix)
    assert codes.dtype == np.int8
    assert np.all(np.abs(codes * scales[:, None] - matrix) <= 0.5001 * scales[:, None])


def test_a_row_of_zeros_stays_zero() -> None:
    codes, scales = quantise_rows(np.zeros((2, 8), np.float32))
    assert not codes.any()
    assert np.isfinite(scales).all()
