"""Swap: would a synonym of this word fit far better? The heart of the detector.

For a word w between l and r, with candidates C(w), v(x) = g(x) c(x) exp(rho(l, x) + rho(x, r) + rho(l, x, r)),
where g in (0, 1] is how far the thesaurus entry is trusted, and 1 for w itself.
*Choice surprisal* = log sum over w and C(w) of v / v(w): how surprising it is that a writer who wanted this
meaning here took this word. *Prior surprisal* is the same without neighbours. Their difference, `context`,
is what the neighbours alone say against w; the best candidate is the suggestion.
"""

from __future__ import annotations

import math

from numba import njit

from detector.lexicon.tables import FIRST_WORD
from detector.signals.fit import pair_ratio, triple_ratio

STRENGTH_SCALE = 1 / 60
"""`candidate_strength` is 10 for a loose Moby synonym and 60 for one from the spin tables (weight 1)."""


@njit
def measure_swap(lexicon, ids, count, pair, seen, triple, choice, context, best, margin):
    """Fill choice, context, margin (float32[count], 0 where a word has no candidates) and best (int32, 0).

    `margin` is log v(best) - log v(w): how much better the suggestion fits, its frequency included.
    """
    for t in range(count):
        choice[t] = 0.0
        context[t] = 0.0
        margin[t] = 0.0
        best[t] = 0
        word = ids[t]
        if word < FIRST_WORD:
            continue
        first, last = lexicon.candidate_offsets[word], lexicon.candidate_offsets[word + 1]
        if first == last:
            continue
        left = ids[t - 1]
        right = ids[t + 1] if t + 1 < count else 1
        right_pair = pair[t + 1] if t + 1 < count else 0.0
        own = lexicon.count[word] * math.exp(pair[t] + right_pair + triple[t])
        total = own
        prior = lexicon.count[word]
        top = 0.0
        for i in range(first, last):
            candidate = lexicon.candidate_ids[i]
            ratio_left, seen_left = pair_ratio(lexicon, left, candidate)
            ratio_right, seen_right = pair_ratio(lexicon, candidate, right)
            ratio, _ = triple_ratio(lexicon, left, candidate, right, seen_left, seen_right)
            weight = lexicon.count[candidate] * lexicon.candidate_strength[i] * STRENGTH_SCALE
            value = weight * ratio_left * ratio_right * ratio
            total += value
            prior += weight
            if value > top:
                top = value
                best[t] = candidate
        choice[t] = math.log(total / own)
        context[t] = choice[t] - math.log(prior / lexicon.count[word])
        margin[t] = math.log(top / own)
