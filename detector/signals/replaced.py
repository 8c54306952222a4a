"""Was this word put here by a spinner? One log-odds per token, from everything measured around it.

A logistic regression over one-hot features, so that the score of a token is a sum of table entries: the
binned signals (alone and in pairs), and hashed identities (the word, the word with each neighbour, the word
with its suggestion), the "weights of what stands where" of hashing-trick classifiers (Weinberger et al.
2009). Trained by `training.token_stage`; the weights lie in the model bundle as `token_weights`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from detector.kernels import inner, prefetch
from detector.lexicon.hashing import mix
from detector.lexicon.tables import BREAK, FIRST_WORD, Flag
from detector.tokens import Mark

HASH_BITS = 20
DENSE = 1024
"""Entries for binned signals; the hashed identities follow."""
SIZE = DENSE + (1 << HASH_BITS)
ACTIVE = 16
"""How many entries each token sums; from FIRST_HASHED on they are hashed identities, if there are any."""
FIRST_HASHED = 12
UNDER_WAY = 8
"""Tokens whose entries are known but not yet added up; a power of two."""
LIMIT = 3.0
"""Hashed weights stay within this, so that no single word decides about a page."""
STEP = np.float32(LIMIT / 127)
"""Hashed weights are multiples of this, held in a byte: the table must stay in the cache."""
_LOWEST_ODDS, _ODDS_STEPS = 12.0, 16.0
_PROBABILITIES = (1.0 / (1.0 + np.exp(_LOWEST_ODDS - (np.arange(384) + 0.5) / _ODDS_STEPS))).astype(
    np.float32
)
_FUNCTION = int(Flag.FUNCTION)
_CAPITALISED = int(Mark.CAPITALISED)


class TokenWeights(NamedTuple):
    """`dense` float32[DENSE] for the binned signals, `hashed` int8[2^HASH_BITS] in units of STEP."""

    dense: np.ndarray
    hashed: np.ndarray


def pack_weights(weights: np.ndarray) -> TokenWeights:
    """float[SIZE] as trained -> as kernels take them. Weights that went through here once come out unchanged."""
    hashed = np.clip(np.rint(weights[DENSE:].astype(np.float32) / STEP), -127, 127)
    return TokenWeights(weights[:DENSE].astype(np.float32), hashed.astype(np.int8))


def unpack_weights(weights: TokenWeights) -> np.ndarray:
    """float32[SIZE]: the numbers that `pack_weights` kept."""
    return np.concatenate([weights.dense, weights.hashed * STEP])


@inner
def _bin(value, low, step, bins):
    i = np.int64((value - low) * step)
    return 0 if i < 0 else (bins - 1 if i >= bins else i)


@inner
def _hashed(kind, a, b):
    key = mix((np.uint64(kind) << np.uint64(48)) ^ (np.uint64(a) << np.uint64(20)) ^ np.uint64(b))
    return DENSE + np.int64(key >> np.uint64(64 - HASH_BITS))


@inner
def token_features(lexicon, tokens, count, signals, t, out):
    """Fill `out` int32[ACTIVE] with the entries that are on for token t (not a BREAK)."""
    ids = tokens.ids
    word = ids[t]
    left = ids[t - 1]
    right = ids[t + 1] if t + 1 < count else BREAK
    pair_left = signals.pair[t]
    pair_right = signals.pair[t + 1] if t + 1 < count else 0.0
    choice, context, margin = signals.choice[t], signals.context[t], signals.margin[t]
    frequency = signals.frequency[t]
    function = signals.flags[t] & _FUNCTION != 0
    kind = (1 if function else 0) + (2 if signals.best[t] else 0)
    kind += 4 if left != BREAK and tokens.marks[t] & _CAPITALISED else 0
    out[0] = _bin(pair_left, -7.0, 1.5, 16) + 16 * function
    out[1] = 32 + _bin(pair_right, -7.0, 1.5, 16) + 16 * function
    out[2] = 64 + _bin(choice, 0.0, 1.5, 16)
    out[3] = 80 + _bin(context, -4.0, 1.6, 16)
    out[4] = 96 + _bin(margin, -4.0, 1.2, 16)
    out[5] = 112 + _bin(frequency, 0.0, 1.0, 16)
    out[6] = 128 + 8 * _bin(context, -2.0, 1.0, 8) + _bin(frequency, 1.0, 0.55, 8)
    out[7] = 192 + 8 * _bin(pair_left, -4.0, 0.9, 8) + _bin(pair_right, -4.0, 0.9, 8)
    out[8] = 256 + _bin(signals.triple[t], -4.0, 2.0, 16)
    out[9] = 272 + 8 * _bin(context, -2.0, 1.0, 8) + kind
    before = signals.context[t - 1]
    after = signals.context[t + 1] if t + 1 < count else 0.0
    out[10] = 336 + 8 * _bin(before, -2.0, 1.0, 8) + _bin(after, -2.0, 1.0, 8)
    phrase = 0
    if signals.cover[t] > 0:
        start = t
        while signals.phrase[start] == 0:
            start -= 1
        phrase = 1 + _bin(lexicon.phrase_log_count[signals.phrase[start] - 1], 0.0, 1.0, 10)
    out[11] = 400 + phrase
    out[12] = _hashed(1, word, 0) if word >= FIRST_WORD else 420
    out[13] = _hashed(2, left, word) if word >= FIRST_WORD and left != 2 else 421
    out[14] = _hashed(3, word, right) if word >= FIRST_WORD and right != 2 else 422
    out[15] = _hashed(4, signals.best[t], word) if signals.best[t] else 423


@inner
def score_tokens(lexicon, tokens, count, signals, weights, active, replaced, probability):
    """replaced[t] = log-odds that a spinner put token t there, probability[t] the same as a probability; 0 on a
    BREAK. `weights` TokenWeights, `active` int32[UNDER_WAY, ACTIVE] scratch; both results float32[count]. Hashed
    weights are asked for some tokens before they are added up."""
    dense, hashed = weights.dense, weights.hashed
    for k in range(count + UNDER_WAY - 1):
        if k < count and tokens.ids[k] != BREAK:
            row = active[k & (UNDER_WAY - 1)]
            token_features(lexicon, tokens, count, signals, k, row)
            for i in range(FIRST_HASHED, ACTIVE):
                prefetch(hashed, row[i] - DENSE)
        t = k - UNDER_WAY + 1
        if t < 0:
            continue
        replaced[t] = probability[t] = 0.0
        if tokens.ids[t] == BREAK:
            continue
        row = active[t & (UNDER_WAY - 1)]
        total = np.float32(0.0)
        steps = np.int64(0)
        for i in range(FIRST_HASHED):
            total += dense[row[i]]
        for i in range(FIRST_HASHED, ACTIVE):
            if row[i] >= DENSE:
                steps += hashed[row[i] - DENSE]
            else:
                total += dense[row[i]]
        replaced[t] = total + np.float32(steps) * STEP
        probability[t] = _PROBABILITIES[_bin(replaced[t], -_LOWEST_ODDS, _ODDS_STEPS, 384)]
