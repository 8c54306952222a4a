"""Continue the token stage from labelled pages, held to what it learned before.

The loss of the new tokens plus, for each weight, its squared change times what the old tokens knew about it
(the diagonal Laplace approximation of Chapelle et al. 2014; "elastic weight consolidation", Kirkpatrick et al.
2017). So words that honest text is full of stay where they are, and pairs never met before move freely.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit

from detector.lexicon.tables import Lexicon
from detector.signals.replaced import ACTIVE, DENSE, LIMIT, pack_weights, unpack_weights
from detector.training.examples import Example
from detector.training.token_stage import TokenData, collect_tokens

ROUNDS = 3
"""How often the guess which words of a spun page were replaced is made anew."""
REPLACED = 0.2
"""The share of words that a spinner replaces in a page about whose words nothing is said."""
PRIOR = 1.0
"""Information about a weight that no old token took part in."""


def label_tokens(
    lexicon: Lexicon, texts: Sequence[str], marked: Sequence[tuple[tuple[int, int], ...]]
) -> TokenData:
    """The tokens of all texts: `labels` are 1 in the `marked` spans, `document` counts the texts."""
    examples = [
        Example(text, "", "", 1, None, spans=spans) for text, spans in zip(texts, marked, strict=True)
    ]
    return collect_tokens(lexicon, examples)


def update_tokens(
    weights: np.ndarray, information: np.ndarray, data: TokenData, spun: np.ndarray, scale: float
) -> np.ndarray:
    """float32[SIZE] token weights continued with `data`, rounded as a bundle holds them; its `labels` are 1 where a person marked the word.

    `spun` int[T]: what the page of each token is labelled (1 or 0). In a spun page with marks the other words
    say nothing; in one without, the words that look most like it are taken for replaced. `scale` is the weight
    of a new token in terms of old ones.
    """
    columns, place = np.unique(data.active, return_inverse=True)
    count = len(data.labels)
    design = sparse.csr_matrix(
        (np.ones(data.active.size), place.ravel(), np.arange(0, data.active.size + 1, ACTIVE)),
        shape=(count, len(columns)),
    )
    old = weights[data.active].sum(axis=1, dtype=np.float64)
    held = PRIOR + information[columns].astype(np.float64)
    weight = scale * data.weights.astype(np.float64)
    change = np.zeros(len(columns))
    for _ in range(ROUNDS):
        wanted, known = _wanted(old + design @ change, data, spun)

        arguments = (design, old, wanted, weight * known, held)
        change = minimize(_loss, change, arguments, "L-BFGS-B", jac=True, options={"maxiter": 100}).x
    updated = weights.astype(np.float32).copy()
    updated[columns] += change
    updated[DENSE:] = np.clip(updated[DENSE:], -LIMIT, LIMIT)
    return unpack_weights(pack_weights(updated.astype(np.float16)))


def _loss(
    change: np.ndarray,
    design: sparse.csr_matrix,
    old: np.ndarray,
    wanted: np.ndarray,
    weight: np.ndarray,
    held: np.ndarray,
) -> tuple[float, np.ndarray]:
    odds = old + design @ change
    terms = weight * (np.logaddexp(0.0, odds) - wanted * odds)
    slope = design.T @ (weight * (expit(odds) - wanted)) + held * change
    return float(terms.sum() + 0.5 * (held * change * change).sum()), slope


def _wanted(odds: np.ndarray, data: TokenData, spun: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(probability of replacement to learn, whether anything is known) of each token."""
    wanted = np.zeros(len(odds))
    known = np.ones(len(odds))
    for document in np.unique(data.document[spun == 1]):
        rows = np.flatnonzero(data.document == document)
        if data.labels[rows].any():
            wanted[rows] = known[rows] = data.labels[rows]
        else:
            wanted[rows] = _raised(odds[rows])
    return wanted, known


def _raised(odds: np.ndarray) -> np.ndarray:
    """The probabilities of a page's words, raised together until REPLACED of them are expected."""
    low, high = 0.0, 20.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if expit(odds + middle).mean() < REPLACED else (low, middle)
    raised: np.ndarray = expit(odds + low)
    return raised
