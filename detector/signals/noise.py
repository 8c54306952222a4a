"""Noise: numbers and breaks put between words that belong together ("cheap 4721 car; insurance").

Such a token w between the words l and r is in the way if l and r attract each other, and more than w does them:
rho(l, r) > max(rho(l, w) + rho(w, r), 0); see `signals.fit` for rho. Honest numbers are so here and there ("in 35
patients"); so they are dropped only where they are many, and many of them are in the way. Of 1,837 honest passages, half
of them scientific, 4 lose theirs; of spun ones with a number in 3 of 10 gaps 99 %.
"""

from __future__ import annotations

from detector.kernels import inner
from detector.lexicon.tables import BREAK, FIRST_WORD, NUMBER
from detector.signals.fit import pair_ratio
from detector.tokens import Mark

LEAST, ONE_IN = 8, 25
"""Numbers and breaks between words are looked at if there are so many, and at least one in so many tokens."""
IN_THE_WAY = 0.4
"""They are dropped if this share of them is in the way."""
_CAPITALISED, _PARAGRAPH = int(Mark.CAPITALISED), int(Mark.PARAGRAPH)


@inner
def _may_be_noise(ids, marks, t):
    """A number, or a break within a paragraph, between two known words of which the second is not capitalised."""
    between = ids[t - 1] >= FIRST_WORD and ids[t + 1] >= FIRST_WORD and not marks[t + 1] & _CAPITALISED
    return between and (ids[t] == NUMBER or (ids[t] == BREAK and not marks[t] & _PARAGRAPH))


@inner
def _is_in_the_way(lexicon, ids, t):
    apart, seen = pair_ratio(lexicon, ids[t - 1], ids[t + 1])
    if seen == 0.0 or apart <= 1.0:
        return False
    left, _ = pair_ratio(lexicon, ids[t - 1], ids[t])
    right, _ = pair_ratio(lexicon, ids[t], ids[t + 1])
    return apart > left * right


@inner
def drop_noise(lexicon, tokens, count, words):
    """Close the gaps that noise leaves among `count` tokens, of which `words` are no breaks; returns both anew."""
    ids, hashes, starts, ends, marks, lengths = tokens
    found = in_the_way = 0
    for t in range(2, count - 1):
        found += _may_be_noise(ids, marks, t)
    if found < LEAST or found * ONE_IN < count:
        return count, words
    for t in range(2, count - 1):
        in_the_way += _may_be_noise(ids, marks, t) and _is_in_the_way(lexicon, ids, t)
    if in_the_way < IN_THE_WAY * found:
        return count, words
    kept = 0
    for t in range(count):
        inside = 2 <= t < count - 1
        number = inside and ids[t] == NUMBER and ids[t - 1] != BREAK and ids[t + 1] != BREAK
        if number or (inside and _may_be_noise(ids, marks, t)):
            words -= ids[t] == NUMBER
        else:
            ids[kept], hashes[kept], marks[kept] = ids[t], hashes[t], marks[t]
            starts[kept], ends[kept], lengths[kept] = starts[t], ends[t], lengths[t]
            kept += 1
    return kept, words
