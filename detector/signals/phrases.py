"""Phrases that spinners write: tortured phrases and the project's spin tables, longest match first.

Precise, low recall: evidence with a known original, never the whole answer. A phrase that honest writers
use too is told apart by its count in clean prose (`phrase_log_count`), which the features keep in bands.
"""

from __future__ import annotations

import numpy as np

from detector.kernels import inner, prefetch
from detector.lexicon.hashing import extend_phrase_hash, find_word, slot_of
from detector.lexicon.tables import FIRST_WORD, PHRASE_BEGUN, Flag
from detector.signals.words import AHEAD

MAX_WORDS = 6
_PHRASE_START = int(Flag.PHRASE_START)


@inner
def find_phrases(lexicon, ids, flags, count, phrase, cover):
    """phrase[t] = 1 + index of the phrase that starts at t, or 0; cover[t] = words still covered from t.

    `flags` comes from `look_up_words`; both results int32[count]. Matches do not overlap and do not cross a sentence break.
    """
    covered = 0
    slots = lexicon.phrase_keys.shape[0]
    for t in range(count):
        if t + AHEAD + 1 < count:
            begun = extend_phrase_hash(extend_phrase_hash(np.uint64(0), ids[t + AHEAD]), ids[t + AHEAD + 1])
            slot = slot_of(begun, slots)
            prefetch(lexicon.phrase_keys, slot)
            prefetch(lexicon.phrase_index, slot)
        phrase[t] = 0
        cover[t] = covered
        if covered > 0:
            covered -= 1
            continue
        if not flags[t] & _PHRASE_START:
            continue
        state = np.uint64(0)
        longest = 0
        for n in range(MAX_WORDS):
            if t + n >= count or ids[t + n] < FIRST_WORD:
                break
            state = extend_phrase_hash(state, ids[t + n])
            if n > 0:
                found = find_word(lexicon.phrase_keys, lexicon.phrase_index, state)
                if found == 0:
                    break
                if found != PHRASE_BEGUN:
                    phrase[t] = found
                    longest = n + 1
        if longest:
            cover[t] = longest
            covered = longest - 1
