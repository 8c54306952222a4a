"""Swap: would a synonym of this word fit far better? The heart of the detector.

For a word w between l and r, with candidates C(w), v(x) = g(x) c(x) exp(rho(l, x) + rho(x, r) + rho(l, x, r)),
where g in (0, 1] is how far the thesaurus entry is trusted, and 1 for w itself.
*Choice surprisal* = log sum over w and C(w) of v / v(w): how surprising it is that a writer who wanted this
meaning here took this word. *Prior surprisal* is the same without neighbours. Their difference, `context`,
is what the neighbours alone say against w; the best candidate is the suggestion.

A document asks for thousands of table entries, and each may be far from the cache. So words go through in
blocks, and each pass over a block asks for what the next one needs (`prefetch`). Whether a bigram was seen can't
be predicted either, and a processor that guessed wrong starts over: the passes have no branch that depends on it.
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
    prefetch_slots,
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
_BLOCK = 16
"""Words whose look-ups are under way together."""


class SwapScratch(NamedTuple):
    """`asked` int32[tokens]: the words that are asked for synonyms. Per word of a block and candidate: `left`
    and `right` uint8, the levels of its bigrams. `both` int64, the candidates whose bigrams were both seen, as many
    as `pairs` int64 says per word, and `keys` uint64, the hashes of their trigrams. `values` float32, for one word."""

    asked: np.ndarray
    left: np.ndarray
    right: np.ndarray
    both: np.ndarray
    pairs: np.ndarray
    keys: np.ndarray
    values: np.ndarray


def new_swap_scratch(tokens: int) -> SwapScratch:
    """Scratch for documents of up to so many tokens."""
    shape = (_BLOCK, MAX_CANDIDATES)
    return SwapScratch(
        np.empty(tokens, np.int32),
        np.empty(shape, np.uint8),
        np.empty(shape, np.uint8),
        np.empty(shape, np.int64),
        np.empty(_BLOCK, np.int64),
        np.empty(shape, np.uint64),
        np.empty(MAX_CANDIDATES, np.float32),
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
def _announce(lexicon, ids, asked):
    """Ask for the candidates."""
    for t in asked:
        first, size = _candidates(lexicon.candidate_offsets, ids[t])
        for i in (first, first + size - 1):
            prefetch(lexicon.candidate_ids, i)
            prefetch(lexicon.candidate_count, i)
            prefetch(lexicon.candidate_weight, i)


@inner
def _reach(lexicon, ids, count, asked):
    """Ask for the slots of their bigrams."""
    for t in asked:
        left, right = _neighbours(ids, count, t)
        first, size = _candidates(lexicon.candidate_offsets, ids[t])
        left_first, left_size = _table(lexicon.follower_offsets, left)
        right_first, right_size = _table(lexicon.predecessor_offsets, right)
        for i in range(size):
            shuffled = permute(lexicon.candidate_ids[first + i])
            prefetch_slots(lexicon.followers, left_first + neighbour_slot(left_size, shuffled))
            prefetch_slots(lexicon.predecessors, right_first + neighbour_slot(right_size, shuffled))


@inner
def _look_up(lexicon, ids, count, asked, scratch):
    """Look the bigrams up, and ask for the trigrams where both were seen."""
    slots = lexicon.trigrams.shape[0]
    for k in range(asked.shape[0]):
        t = asked[k]
        left, right = _neighbours(ids, count, t)
        first, size = _candidates(lexicon.candidate_offsets, ids[t])
        left_first, left_size = _table(lexicon.follower_offsets, left)
        right_first, right_size = _table(lexicon.predecessor_offsets, right)
        pairs = 0
        for i in range(size):
            shuffled = permute(lexicon.candidate_ids[first + i])
            level_left = find_neighbour(lexicon.followers, left_first, left_size, shuffled)
            level_right = find_neighbour(lexicon.predecessors, right_first, right_size, shuffled)
            scratch.left[k, i], scratch.right[k, i] = level_left, level_right
            scratch.both[k, pairs] = i
            pairs += (level_left != 0) & (level_right != 0)
        scratch.pairs[k] = pairs
        for j in range(pairs):
            key = trigram_key(left, lexicon.candidate_ids[first + scratch.both[k, j]], right)
            scratch.keys[k, j] = key
            prefetch_slots(lexicon.trigrams, slot_of(key, slots))


@inner
def _weigh(lexicon, ids, count, asked, own, scratch, choice, context, best, margin):
    """Add up."""
    values, level_count = scratch.values, lexicon.level_count
    for k in range(asked.shape[0]):
        t = asked[k]
        word = ids[t]
        left, right = _neighbours(ids, count, t)
        first, size = _candidates(lexicon.candidate_offsets, word)
        left_rate = lexicon.count[left] * PER_TOKEN if is_known(left) else np.float32(0.0)
        right_rate = lexicon.count[right] * PER_TOKEN if is_known(right) else np.float32(0.0)
        for i in range(size):
            times = lexicon.candidate_count[first + i]
            seen_left, seen_right = level_count[scratch.left[k, i]], level_count[scratch.right[k, i]]
            value = lexicon.candidate_weight[first + i] * (seen_left + SMOOTHING) * (seen_right + SMOOTHING)
            values[i] = value / ((left_rate * times + SMOOTHING) * (right_rate * times + SMOOTHING))
        for j in range(scratch.pairs[k]):
            i = scratch.both[k, j]
            times = lexicon.candidate_count[first + i]
            expected = level_count[scratch.left[k, i]] * level_count[scratch.right[k, i]]
            seen = level_count[find_trigram(lexicon.trigrams, scratch.keys[k, j])]
            values[i] *= times * (seen + SMOOTHING) / (expected + SMOOTHING * times)
        total = top = np.float32(0.0)
        chosen = 0
        for i in range(size):
            total += values[i]
            better = values[i] > top
            top = values[i] if better else top
            chosen = i if better else chosen
        fits = lexicon.count[word] * own[t]
        best[t] = lexicon.candidate_ids[first + chosen]
        choice[t] = fast_log(_ONE + total / fits)
        context[t] = choice[t] - lexicon.prior[word]
        margin[t] = fast_log(top / fits)


@inner
def _choose(lexicon, ids, flags, count, own, limits, scratch, choice, context, best, margin):
    """Empty the results and collect the words to ask for; returns how many."""
    asked = 0
    for t in range(count):
        choice[t] = context[t] = margin[t] = 0.0
        best[t] = 0
        word = ids[t]
        limit = limits[1] if flags[t] & _FUNCTION else limits[0]
        has_candidates = lexicon.candidate_offsets[word] != lexicon.candidate_offsets[word + 1]
        scratch.asked[asked] = t
        asked += (word >= FIRST_WORD) & (own[t] < limit) & has_candidates
    return asked


@inner
def measure_swap(lexicon, ids, flags, count, own, limits, scratch, choice, context, best, margin):
    """Fill choice, context, margin (float32[count]) and best (int32[count]); all 0 where a word has no
    candidates or fits well.

    `flags` comes from `look_up_words`, `own` from `measure_fit`, `limits` as GOOD_FIT, `scratch` SwapScratch. `margin` is
    log v(best) - log v(w): how much better the suggestion fits, its frequency included.
    """
    total = _choose(lexicon, ids, flags, count, own, limits, scratch, choice, context, best, margin)
    _announce(lexicon, ids, scratch.asked[: min(_BLOCK, total)])
    for start in range(0, total, _BLOCK):
        end = min(start + _BLOCK, total)
        asked, after = scratch.asked[start:end], scratch.asked[end : min(end + _BLOCK, total)]
        _reach(lexicon, ids, count, asked)
        _announce(lexicon, ids, after)
        _look_up(lexicon, ids, count, asked, scratch)
        _weigh(lexicon, ids, count, asked, own, scratch, choice, context, best, margin)
