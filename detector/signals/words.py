"""What is known of each word by itself, laid side by side for the stages that follow.

A document meets each word's entries in several tables, far apart in memory; they are asked for here, once, so
that the later stages find them in the cache or need not look at all.
"""

from __future__ import annotations

from detector.kernels import inner, prefetch
from detector.lexicon.tables import FIRST_WORD

AHEAD = 12
"""Tokens between asking for a table entry and using it."""


@inner
def look_up_words(lexicon, ids, count, flags, frequency):
    """flags[t] = `Flag`s of the word at t, uint8; frequency[t] = log of its count in clean prose, float32; both
    0 for what is no known word."""
    for t in range(count):
        if t + AHEAD < count:
            word = ids[t + AHEAD]
            prefetch(lexicon.word_flags, word)
            prefetch(lexicon.log_count, word)
            prefetch(lexicon.count, word)
            prefetch(lexicon.prior, word)
            prefetch(lexicon.follower_offsets, word)
            prefetch(lexicon.predecessor_offsets, word)
            prefetch(lexicon.candidate_offsets, word)
        known = ids[t] >= FIRST_WORD
        flags[t] = lexicon.word_flags[ids[t]] if known else 0
        frequency[t] = lexicon.log_count[ids[t]] if known else 0.0
