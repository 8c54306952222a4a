"""Swap: would a synonym of this word fit far better? The heart of the detector.

For a word w between l and r, with candidates C(w), v(x) = g(x) c(x) exp(rho(l, x) + rho(x, r) + rho(l, x, r)),
where g in (0, 1] is how far the thesaurus entry is trusted, and 1 for w itself.
*Choice surprisal* = log sum over w and C(w) of v / v(w): how surprising it is that a writer who wanted this
meaning here took this word. *Prior surprisal* is the same without neighbours. Their difference, `context`,
is what the neighbours alone say against w; the best candidate is the suggestion.

A document asks for thousands of table entries, and each may be far from the cache. So words go through four
steps in a pipeline, and what a step needs was asked for (`prefetch`) by the step before it, some words ago.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from detector.kernels import inner, prefetch
from detector.lexicon.hashing import (
    find_neighbour,
    find_trigram,
    neighbour_slot,
    permute,
    slot_of,
    table_of,
    trigram_key,
)
from detector.lexicon.tables import BREAK, FIRST_WORD, MAX_CANDIDATES, Flag
from detector.signals.fit import PER_TOKEN, SMOOTHING, fast_log, is_known

_ONE = np.float32(1.0)
_FUNCTION = int(Flag.FUNCTION)
GOOD_FIT = (np.float32(2.72), np.float32(1.0))
"""A content word and a function word whose neighbours take it this well (`own`, see `measure_fit`) are not asked
for synonyms in scoring: most words fit, and most of the time goes into the asking."""
ANY_FIT = (np.float32(np.inf), np.float32(np.inf))
"""Ask for every word, as for evidence."""
_LAG = 2
"""Words between one step and the next."""
_RING = 8
"""Words whose look-ups are under way; a power of two above 3 * _LAG."""


class SwapScratch(NamedTuple):
    """`asked` int32[tokens]: the words that are asked for synonyms. Per word under way and candidate: `left`
    and `right` uint8, the levels of its bigrams, and `keys` uint64, the hash of its trigram."""

    asked: np.ndarray
    left: np.ndarray
    right: np.ndarray
    keys: np.ndarray


def new_swap_scratch(tokens: int) -> SwapScratch:
    """Scratch for documents of up to so many tokens."""
    shape = (_RING, MAX_CANDIDATES)
    return SwapScratch(
        np.empty(tokens, np.int32),
        np.empty(shape, np.uint8),
        np.empty(shape, np.uint8),
        np.empty(shape, np.uint64),
    )


@inner
def _neighbours(ids, count, t):
    return ids[t - 1], ids[t + 1] if t + 1 < count else BREAK


@inner
def _table(offsets, word):
    """(first slot, size) of a word's table; nothing may be claimed about an unknown word."""
    if not is_known(word):
        return np.int64(0), np.int64(0)
    return table_of(offsets, word)


@inner
def _candidates(offsets, word):
    first, size = table_of(offsets, word)
    return first, min(size, MAX_CANDIDATES)


@inner
def _announce(lexicon, word):
    """Step 1: ask for the candidates."""
    first, size = _candidates(lexicon.candidate_offsets, word)
    for i in (first, first + size - 1):
        prefetch(lexicon.candidate_ids, i)
        prefetch(lexicon.candidate_count, i)
        prefetch(lexicon.candidate_weight, i)


@inner
def _reach(lexicon, word, left, right):
    """Step 2: ask for the slots of their bigrams."""
    first, size = _candidates(lexicon.candidate_offsets, word)
    left_first, left_size = _table(lexicon.follower_offsets, left)
    right_first, right_size = _table(lexicon.predecessor_offsets, right)
    for i in range(size):
        shuffled = permute(lexicon.candidate_ids[first + i])
        prefetch(lexicon.followers, left_first + neighbour_slot(left_size, shuffled))
        prefetch(lexicon.predecessors, right_first + neighbour_slot(right_size, shuffled))


@inner
def _look_up(lexicon, word, left, right, levels_left, levels_right, keys):
    """Step 3: look the bigrams up, and ask for the trigrams where both were seen."""
    first, size = _candidates(lexicon.candidate_offsets, word)
    left_first, left_size = _table(lexicon.follower_offsets, left)
    right_first, right_size = _table(lexicon.predecessor_offsets, right)
    slots = lexicon.trigrams.shape[0]
    for i in range(size):
        candidate = lexicon.candidate_ids[first + i]
        shuffled = permute(candidate)
        level_left = find_neighbour(lexicon.followers, left_first, left_size, shuffled)
        level_right = find_neighbour(lexicon.predecessors, right_first, right_size, shuffled)
        levels_left[i], levels_right[i] = level_left, level_right
        if level_left != 0 and level_right != 0:
            keys[i] = trigram_key(left, candidate, right)
            prefetch(lexicon.trigrams, slot_of(keys[i], slots))


@inner
def _weigh(lexicon, word, left, right, levels_left, levels_right, keys):
    """Step 4: (sum of v over the candidates, largest v, candidate that has it or 0)."""
    first, size = _candidates(lexicon.candidate_offsets, word)
    left_rate = lexicon.count[left] * PER_TOKEN if is_known(left) else np.float32(0.0)
    right_rate = lexicon.count[right] * PER_TOKEN if is_known(right) else np.float32(0.0)
    total = top = np.float32(0.0)
    best = 0
    for i in range(size):
        times = lexicon.candidate_count[first + i]
        seen_left, seen_right = lexicon.level_count[levels_left[i]], lexicon.level_count[levels_right[i]]
        value = lexicon.candidate_weight[first + i] * (seen_left + SMOOTHING) * (seen_right + SMOOTHING)
        value /= (left_rate * times + SMOOTHING) * (right_rate * times + SMOOTHING)
        if levels_left[i] != 0 and levels_right[i] != 0:
            seen = lexicon.level_count[find_trigram(lexicon.trigrams, keys[i])]
            value *= times * (seen + SMOOTHING) / (seen_left * seen_right + SMOOTHING * times)
        total += value
        if value > top:
            top = value
            best = lexicon.candidate_ids[first + i]
    return total, top, best


@inner
def _choose(lexicon, ids, flags, count, own, limits, scratch, choice, context, best, margin):
    """Empty the results and collect the words to ask for; returns how many."""
    asked = 0
    for t in range(count):
        choice[t] = context[t] = margin[t] = 0.0
        best[t] = 0
        word = ids[t]
        if word < FIRST_WORD:
            continue
        if own[t] < (limits[1] if flags[t] & _FUNCTION else limits[0]):
            scratch.asked[asked] = t
            asked += lexicon.candidate_offsets[word] != lexicon.candidate_offsets[word + 1]
    return asked


@inner
def measure_swap(lexicon, ids, flags, count, own, limits, scratch, choice, context, best, margin):
    """Fill choice, context, margin (float32[count]) and best (int32[count]); all 0 where a word has no
    candidates or fits well.

    `flags` comes from `look_up_words`, `own` from `measure_fit`, `limits` is GOOD_FIT or ANY_FIT, `scratch` SwapScratch. `margin` is
    log v(best) - log v(w): how much better the suggestion fits, its frequency included.
    """
    total = _choose(lexicon, ids, flags, count, own, limits, scratch, choice, context, best, margin)
    asked = scratch.asked
    for k in range(total + 3 * _LAG):
        if k < total:
            _announce(lexicon, ids[asked[k]])
        k -= _LAG
        if 0 <= k < total:
            t = asked[k]
            left, right = _neighbours(ids, count, t)
            _reach(lexicon, ids[t], left, right)
        k -= _LAG
        if 0 <= k < total:
            t, r = asked[k], k & (_RING - 1)
            left, right = _neighbours(ids, count, t)
            _look_up(lexicon, ids[t], left, right, scratch.left[r], scratch.right[r], scratch.keys[r])
        k -= _LAG
        if 0 <= k < total:
            t, r = asked[k], k & (_RING - 1)
            word = ids[t]
            left, right = _neighbours(ids, count, t)
            weight, top, best[t] = _weigh(
                lexicon, word, left, right, scratch.left[r], scratch.right[r], scratch.keys[r]
            )
            fits = lexicon.count[word] * own[t]
            choice[t] = fast_log(_ONE + weight / fits)
            context[t] = choice[t] - lexicon.prior[word]
            margin[t] = fast_log(top / fits)
