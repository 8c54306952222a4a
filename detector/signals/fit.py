"""Fit: does a word go with its neighbours?

Association of a pair, rho(a, b) = log((c(a, b) + k) / (e(a, b) + k)) with e(a, b) = c(a) c(b) / N expected
by chance: pointwise mutual information (Church and Hanks 1990) with additive smoothing, so that an unseen
pair of frequent words is strongly negative and an unseen pair of rare words says nothing. That is what
keeps jargon innocent. The same for a trigram against its two bigrams.
"""

from __future__ import annotations

import math

from numba import njit

from detector.lexicon.hashing import bigram_key, find_level, trigram_key
from detector.lexicon.tables import NONE, UNKNOWN

SMOOTHING = 0.7
CORPUS_TOKENS = 143.7e6
"""N: bigram tokens behind the counts (`ngram_totals.tsv`)."""


@njit
def pair_ratio(lexicon, a, b):
    """(exp(rho), count) of a pair of word ids; (1, 0) where a word is unknown: nothing is claimed."""
    if a == NONE or b == NONE or a == UNKNOWN or b == UNKNOWN:
        return 1.0, 0.0
    seen = lexicon.level_count[find_level(lexicon.bigram_keys, lexicon.bigram_levels, bigram_key(a, b))]
    expected = lexicon.count[a] * lexicon.count[b] / CORPUS_TOKENS
    return (seen + SMOOTHING) / (expected + SMOOTHING), seen


@njit
def triple_ratio(lexicon, left, word, right, seen_left, seen_right):
    """exp of the trigram's association given its bigrams' counts; 1 unless both bigrams were seen."""
    if seen_left == 0.0 or seen_right == 0.0:
        return 1.0, 0.0
    hashed = trigram_key(left, word, right)
    seen = lexicon.level_count[find_level(lexicon.trigram_keys, lexicon.trigram_levels, hashed)]
    expected = seen_left * seen_right / lexicon.count[word]
    return (seen + SMOOTHING) / (expected + SMOOTHING), seen


@njit
def measure_fit(lexicon, ids, count, pair, seen, triple):
    """Fill pair[t] = rho(t-1, t), seen[t] = c(t-1, t), triple[t] around t; all float32[count]."""
    pair[0] = 0.0
    seen[0] = 0.0
    for t in range(1, count):
        ratio, times = pair_ratio(lexicon, ids[t - 1], ids[t])
        pair[t] = math.log(ratio)
        seen[t] = times
    triple[0] = 0.0
    triple[count - 1] = 0.0
    for t in range(1, count - 1):
        ratio, _ = triple_ratio(lexicon, ids[t - 1], ids[t], ids[t + 1], seen[t], seen[t + 1])
        triple[t] = math.log(ratio)
