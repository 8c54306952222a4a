"""Fit: does a word go with its neighbours?

Association of a pair, rho(a, b) = log((c(a, b) + k) / (e(a, b) + k)) with e(a, b) = c(a) c(b) / N expected
by chance: pointwise mutual information (Church and Hanks 1990) with additive smoothing, so that an unseen
pair of frequent words is strongly negative and an unseen pair of rare words says nothing. That is what
keeps jargon innocent. The same for a trigram against its two bigrams.
"""

from __future__ import annotations

import numpy as np

from detector.kernels import inner
from detector.lexicon.hashing import (
    find_neighbour,
    find_trigram,
    neighbour_slot,
    permute,
    prefetch_slots,
    slot_of,
    table_of,
    trigram_key,
)
from detector.lexicon.tables import NONE, UNKNOWN
from detector.signals.words import AHEAD

SMOOTHING = np.float32(0.7)
_ZERO, _ONE = np.float32(0.0), np.float32(1.0)
PER_TOKEN = np.float32(1.0 / 143.7e6)
"""1 / N: N bigram tokens are behind the counts (`ngram_totals.tsv`)."""


@inner
def fast_log(x):
    """log(x) of a positive normal float32 to within 1e-4: exponent plus a rational in the mantissa (after
    Mineiro, "fastapprox"). The library's takes most of the time of this stage otherwise."""
    bits = np.float32(x).view(np.uint32)
    mantissa = np.uint32((bits & np.uint32(0x007FFFFF)) | np.uint32(0x3F000000)).view(np.float32)
    scaled = np.float32(bits) * np.float32(1.1920928955078125e-7)
    two = scaled - np.float32(124.22551499) - np.float32(1.498030302) * mantissa
    return (two - np.float32(1.72587999) / (np.float32(0.3520887068) + mantissa)) * np.float32(0.69314718)


@inner
def is_known(word):
    """Whether anything may be claimed about a neighbour: a word, a sentence break or a number."""
    return word != NONE and word != UNKNOWN


@inner
def pair_ratio(lexicon, a, b):
    """(exp(rho), count) of a pair of word ids; (1, 0) where a word is unknown: nothing is claimed."""
    if not (is_known(a) and is_known(b)):
        return np.float32(1.0), np.float32(0.0)
    first, size = table_of(lexicon.follower_offsets, a)
    seen = lexicon.level_count[find_neighbour(lexicon.followers, first, size, permute(b))]
    expected = lexicon.count[a] * lexicon.count[b] * PER_TOKEN
    return (seen + SMOOTHING) / (expected + SMOOTHING), seen


@inner
def _trigram(left, word, right, seen_left, seen_right):
    """Hash of a trigram if both its bigrams were seen, else 0: then nothing is to be found, but a look-up costs
    less than a branch that can't be predicted."""
    both = (seen_left != 0.0) & (seen_right != 0.0)
    return trigram_key(left, word, right) * np.uint64(both)


@inner
def triple_ratio(lexicon, left, word, right, seen_left, seen_right):
    """exp of the trigram's association given its bigrams' counts; 1 unless both bigrams were seen."""
    hashed = _trigram(left, word, right, seen_left, seen_right)
    seen = lexicon.level_count[find_trigram(lexicon.trigrams, hashed)]
    expected = seen_left * seen_right / lexicon.count[word]
    return (seen + SMOOTHING) / (expected + SMOOTHING) if hashed != 0 else _ONE


@inner
def measure_fit(lexicon, ids, count, pair, triple, seen, own):
    """Fill pair[t] = rho(t-1, t), triple[t] around t, seen[t] = c(t-1, t), and own[t] = exp of the sum of
    pair[t], pair[t+1] and triple[t]: how well the word fits; all float32[count]."""
    pair[0] = 0.0
    seen[0] = 0.0
    own[0] = 1.0
    for t in range(1, count):
        if t + AHEAD < count:
            first, size = table_of(lexicon.follower_offsets, ids[t + AHEAD - 1])
            prefetch_slots(lexicon.followers, first + neighbour_slot(size, permute(ids[t + AHEAD])))
        own[t], seen[t] = pair_ratio(lexicon, ids[t - 1], ids[t])
    for t in range(1, count):
        association = fast_log(own[t])
        pair[t] = association if own[t] != 1.0 else _ZERO
    slots = lexicon.trigrams.shape[0]
    triple[0] = 0.0
    triple[count - 1] = 0.0
    for t in range(1, count - 1):
        n = t + AHEAD
        if n + 1 < count:
            ahead = _trigram(ids[n - 1], ids[n], ids[n + 1], seen[n], seen[n + 1])
            prefetch_slots(lexicon.trigrams, slot_of(ahead, slots))
        ratio = triple_ratio(lexicon, ids[t - 1], ids[t], ids[t + 1], seen[t], seen[t + 1])
        association = fast_log(ratio)
        triple[t] = association if ratio != 1.0 else _ZERO
        own[t] *= own[t + 1] * ratio
