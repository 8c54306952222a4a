"""Swap: would a synonym of this word fit far better? The heart of the detector.

For a word w between l and r, with candidates C(w), v(x) = g(x) c(x) exp(rho(l, x) + rho(x, r) + rho(l, x, r)),
where g in (0, 1] is how far the thesaurus entry is trusted, and 1 for w itself.
*Choice surprisal* = log sum over w and C(w) of v / v(w): how surprising it is that a writer who wanted this
meaning here took this word. *Prior surprisal* is the same without neighbours. Their difference, `context`,
is what the neighbours alone say against w; the best candidate is the suggestion.
"""

from __future__ import annotations

import numpy as np

from detector.kernels import inner
from detector.lexicon.hashing import find_neighbour, find_trigram, may_have, permute, trigram_key
from detector.lexicon.tables import BREAK, FIRST_WORD, Flag
from detector.signals.fit import PER_TOKEN, SMOOTHING, fast_log, is_known

_SMOOTHING2 = np.float32(SMOOTHING * SMOOTHING)
_ONE = np.float32(1.0)
_FUNCTION = int(Flag.FUNCTION)
GOOD_FIT = (np.float32(2.72), np.float32(1.0))
"""A content word and a function word whose neighbours take it this well (`own`, see `measure_fit`) are not asked
for synonyms in scoring: most words fit, and most of the time goes into the asking."""
ANY_FIT = (np.float32(np.inf), np.float32(np.inf))
"""Ask for every word, as for evidence."""


@inner
def measure_swap(lexicon, ids, count, own, limits, choice, context, best, margin):
    """Fill choice, context, margin (float32[count]) and best (int32[count]); all 0 where a word has no
    candidates or fits well.

    `own` comes from `measure_fit`, `limits` is GOOD_FIT or ANY_FIT. `margin` is log v(best) - log v(w): how much better the suggestion fits,
    its frequency included.
    """
    counts, levels = lexicon.count, lexicon.level_count
    offsets, candidates = lexicon.candidate_offsets, lexicon.candidate_ids
    follower_offsets, followers = lexicon.follower_offsets, lexicon.followers
    predecessor_offsets, predecessors = lexicon.predecessor_offsets, lexicon.predecessors
    for t in range(count):
        choice[t] = context[t] = margin[t] = 0.0
        best[t] = 0
        word = ids[t]
        if word < FIRST_WORD or offsets[word] == offsets[word + 1]:
            continue
        if own[t] >= (limits[1] if lexicon.word_flags[word] & _FUNCTION else limits[0]):
            continue
        left = ids[t - 1]
        right = ids[t + 1] if t + 1 < count else BREAK
        left_rate = right_rate = np.float32(0.0)
        left_first = left_size = right_first = right_size = np.int64(0)
        if is_known(left):
            left_rate = counts[left] * PER_TOKEN
            left_first = np.int64(follower_offsets[left])
            left_size = np.int64(follower_offsets[left + 1]) - left_first
        if is_known(right):
            right_rate = counts[right] * PER_TOKEN
            right_first = np.int64(predecessor_offsets[right])
            right_size = np.int64(predecessor_offsets[right + 1]) - right_first
        total = top = np.float32(0.0)
        for i in range(offsets[word], offsets[word + 1]):
            times = lexicon.candidate_count[i]
            expected = (left_rate * times + SMOOTHING) * (right_rate * times + SMOOTHING)
            value = lexicon.candidate_weight[i] * _SMOOTHING2 / expected
            shuffled = permute(candidates[i])
            level_left = level_right = 0
            if left_size and may_have(lexicon.follower_filters, left_first, left_size, shuffled):
                level_left = find_neighbour(followers, left_first, left_size, shuffled)
            if right_size and may_have(lexicon.predecessor_filters, right_first, right_size, shuffled):
                level_right = find_neighbour(predecessors, right_first, right_size, shuffled)
            if level_left | level_right:
                seen_left, seen_right = levels[level_left], levels[level_right]
                value *= (_ONE + seen_left / SMOOTHING) * (_ONE + seen_right / SMOOTHING)
                if level_left != 0 and level_right != 0:
                    seen = levels[find_trigram(lexicon.trigrams, trigram_key(left, candidates[i], right))]
                    value *= (seen + SMOOTHING) / (seen_left * seen_right / times + SMOOTHING)
            total += value
            if value > top:
                top = value
                best[t] = candidates[i]
        fits = counts[word] * own[t]
        choice[t] = fast_log(_ONE + total / fits)
        context[t] = choice[t] - lexicon.prior[word]
        margin[t] = fast_log(top / fits)
