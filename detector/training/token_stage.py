"""Fit the token stage: which words did a spinner put there?

Logistic regression on the one-hot entries of `signals.replaced`, by AdaGrad (Duchi et al. 2011) over the
tokens in a fixed random order: deterministic, one core, some seconds per million tokens.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np

from detector.features import measure_tokens, new_scratch
from detector.kernels import kernel
from detector.lexicon.tables import BREAK, Lexicon
from detector.signals.replaced import (
    ACTIVE,
    DENSE,
    LIMIT,
    SIZE,
    pack_weights,
    token_features,
    unpack_weights,
)
from detector.training.examples import PADDED, Example

EPOCHS = 3
RATE = 0.15
L2_DENSE, L2_HASHED = 1e-7, 2e-5


@dataclass
class TokenData:
    """`active` int32[T, ACTIVE], `labels` float32[T], `weights` float32[T], `document` int32[T]."""

    active: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    document: np.ndarray


@kernel
def _collect(lexicon, zero, buffer, scratch, none8, none32, active):
    count, _, _ = measure_tokens(lexicon, zero, buffer, 0, buffer.shape[0], none8, none32, none32, scratch)
    for t in range(count):
        if scratch.tokens.ids[t] != BREAK:
            token_features(lexicon, scratch.tokens, count, scratch.signals, t, active[t])
    return count


def collect_tokens(lexicon: Lexicon, examples: list[Example]) -> TokenData:
    """Token entries and labels of all examples with spans (spun) or spun = 0 (clean)."""
    zero = pack_weights(np.zeros(SIZE, np.float32))
    scratch = new_scratch(max(len(e.text.encode("utf-8", "surrogatepass")) for e in examples))
    none8, none32 = np.zeros(0, np.uint8), np.zeros(0, np.int32)
    active = np.empty((scratch.zones.shape[0], ACTIVE), np.int32)
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
    for d, example in enumerate(examples):
        if example.spun is None or example.kind == PADDED or (example.spun and example.spans is None):
            continue
        buffer = np.frombuffer(example.text.encode("utf-8", "surrogatepass"), np.uint8)
        count = _collect(lexicon, zero, buffer, scratch, none8, none32, active)
        words = np.flatnonzero(scratch.tokens.ids[:count] != BREAK)
        labels = np.zeros(count, np.float32)
        starts, ends = scratch.tokens.starts[:count], scratch.tokens.ends[:count]
        for start, end in example.spans or ():
            labels[(starts < end) & (ends > start)] = 1.0
        if example.spun and example.partial:
            words = words[labels[words] > 0]
        weight = np.full(len(words), example.weight, np.float32)
        parts.append((active[words].copy(), labels[words], weight, np.full(len(words), d, np.int32)))
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return TokenData(*joined)


@kernel
def _adagrad(active, labels, sample_weights, order, weights, squares, rate, l2_dense, l2_hashed, limit):
    loss = 0.0
    for k in range(order.shape[0]):
        t = order[k]
        total = 0.0
        for i in range(ACTIVE):
            total += weights[active[t, i]]
        p = 1.0 / (1.0 + math.exp(-total))
        loss -= math.log(max(p if labels[t] > 0.5 else 1.0 - p, 1e-9))
        gradient = (p - labels[t]) * sample_weights[t]
        for i in range(ACTIVE):
            j = active[t, i]
            g = gradient + (l2_dense if j < DENSE else l2_hashed) * weights[j]
            squares[j] += g * g
            weights[j] -= rate * g / math.sqrt(squares[j])
            if j >= DENSE:
                weights[j] = min(max(weights[j], -limit), limit)
    return loss / order.shape[0]


def fit_tokens(data: TokenData, rows: np.ndarray, seed: int) -> np.ndarray:
    """float32[SIZE] weights from the tokens in `rows` (indices), rounded as a bundle holds them."""
    weights, squares = np.zeros(SIZE, np.float32), np.full(SIZE, 1.0, np.float32)
    squares[DENSE:] = 4.0
    weights[400:411] = -0.2
    generator = np.random.default_rng(seed)
    for _ in range(EPOCHS):
        order = generator.permutation(rows)
        _adagrad(
            data.active, data.labels, data.weights, order, weights, squares, RATE, L2_DENSE, L2_HASHED, LIMIT
        )
    return unpack_weights(pack_weights(weights.astype(np.float16)))


def folds_of(groups: list[str], folds: int, seed: int) -> np.ndarray:
    """int32[D]: the fold of each document, the same for all documents of a group."""
    names = sorted(set(groups))
    random.Random(seed).shuffle(names)
    fold = {name: i % folds for i, name in enumerate(names)}
    return np.array([fold[group] for group in groups], np.int32)
