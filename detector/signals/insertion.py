"""Insertion: a hyphenated word half of which should not be there ("counter-top intuitive").

Spinners look up the parts of a compound one by one. For w joined by a hyphen to a neighbour, between l and r,
the gain of leaving it out is rho(l, r) - max(rho(l, w) + rho(w, r), 0), where l and r were seen side by side;
see `signals.fit` for rho. Without the hyphen the same gain says nothing: honest writers put adjectives and
adverbs between words that belong together as often as spinners do (0.29 % of words against 0.35 % at 2.4 nats,
measured on the written pairs).
"""

from __future__ import annotations

import math

from detector.kernels import inner
from detector.lexicon.tables import FIRST_WORD
from detector.signals.fit import pair_ratio
from detector.tokens import Mark

_HYPHENATED = int(Mark.HYPHENATED)


@inner
def measure_insertion(lexicon, tokens, count, pair, gain):
    """gain[t] in nats, 0 where nothing speaks for an insertion; float32[count]."""
    ids, marks = tokens.ids, tokens.marks
    gain[0] = 0.0
    gain[count - 1] = 0.0
    for t in range(1, count - 1):
        gain[t] = 0.0
        if not (marks[t] | marks[t + 1]) & _HYPHENATED:
            continue
        if ids[t] < FIRST_WORD or ids[t - 1] < FIRST_WORD or ids[t + 1] < FIRST_WORD:
            continue
        ratio, seen = pair_ratio(lexicon, ids[t - 1], ids[t + 1])
        if seen > 0.0:
            gain[t] = max(math.log(ratio) - max(pair[t] + pair[t + 1], 0.0), 0.0)
