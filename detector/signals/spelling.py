"""Spelling: words that are misspelt on purpose ("montgage rtaes"), read as the common words that they were.

An unknown word says nothing, so misspelling hides a page. Norvig's corrector (2007), with the neighbours as
language model: of the words one edit away, the one with the largest c(l, w) c(w, r) / c(w), if it goes with its
neighbours no worse than by chance. The lexicon has frequent slips as rare words ("taht"), which are tried, too.
Honest unknown words are names and terms that become nothing of the kind; so a page is mended only where unknown words
in small letters are many and half of the first ones are misspelt. Of 2,037 honest passages with 549,538 tokens 124
words are read otherwise, most of them learners' slips.
"""

from __future__ import annotations

import numpy as np

from detector.kernels import inner
from detector.lexicon.hashing import FNV_OFFSET, extend_word_hash, find_word, mix
from detector.lexicon.tables import BREAK, FIRST_WORD, UNKNOWN
from detector.mending import COMMON, HARDLY_A_WORD
from detector.signals.fit import pair_ratio
from detector.tokens import Mark

LEAST, ONE_IN = 5, 50
"""Unknown words in small letters are looked at if there are so many, and at least one in so many tokens."""
FOREIGN = 3
"""Where one in so many tokens is doubtful, the page is no English prose."""
FIRST = 8
"""So many of them are tried before the others; half must be misspelt."""
SHORTEST, LONGEST = 4, 20
FITS = np.float32(1.0)
"""exp of the fit with both neighbours that a correction needs; an unknown word of LONG letters needs none, since hardly
anything else is a letter away from a common word."""
LONG = 7
_CAPITALISED = int(Mark.CAPITALISED)
_NEVER = int(Mark.OTHER_SCRIPT | Mark.DISGUISED | Mark.SOFT_HYPHEN)


@inner
def _is_doubtful(tokens, t):
    length = tokens.lengths[t]
    return (
        (tokens.ids[t] == UNKNOWN or tokens.ids[t] >= HARDLY_A_WORD)
        and not tokens.marks[t] & _NEVER
        and SHORTEST <= length <= LONGEST
        and length == tokens.ends[t] - tokens.starts[t]
    )


@inner
def _try(lexicon, buffer, state, rest, end, left, right, least, best):
    """The better one of `best`, (id, hash, score), and the word whose first letters made `state` and whose others
    are `buffer[rest:end]`, if it is common and fits between `left` and `right` at `least` so well; where that is 0
    it need not have been seen beside them."""
    for i in range(rest, end):
        state = extend_word_hash(state, np.int64(buffer[i]) | 32)
    hashed = mix(state)
    found = find_word(lexicon.word_keys, lexicon.word_ids, hashed)
    if found < FIRST_WORD or found >= COMMON:
        return best
    before, seen_before = pair_ratio(lexicon, left, found)
    after, seen_after = pair_ratio(lexicon, found, right)
    beside = (left >= FIRST_WORD and seen_before > 0.0) or (right >= FIRST_WORD and seen_after > 0.0)
    score = before * after * lexicon.count[found]
    if not (beside or least == 0.0) or before * after < least or score <= best[2]:
        return best
    return np.int64(found), hashed, np.float32(score)


@inner
def _corrected(lexicon, buffer, begin, end, left, right, least):
    """(id, hash, score) of the likeliest word one edit away from the ASCII letters `buffer[begin:end]`, the first
    letter kept; id 0 if there is none."""
    best = (np.int64(0), np.uint64(0), np.float32(0.0))
    for i in range(begin, end):
        if not 97 <= (buffer[i] | 32) <= 122:
            return best
    state = extend_word_hash(FNV_OFFSET, np.int64(buffer[begin]) | 32)
    for at in range(begin + 1, end + 1):
        for letter in range(97, 123):
            put = extend_word_hash(state, np.int64(letter))
            best = _try(lexicon, buffer, put, at, end, left, right, least, best)
            if at < end:
                best = _try(lexicon, buffer, put, at + 1, end, left, right, least, best)
        if at < end:
            best = _try(lexicon, buffer, state, at + 1, end, left, right, least, best)
            following = state
            if at + 1 < end:
                following = extend_word_hash(state, np.int64(buffer[at + 1]) | 32)
                following = extend_word_hash(following, np.int64(buffer[at]) | 32)
                best = _try(lexicon, buffer, following, at + 2, end, left, right, least, best)
            state = extend_word_hash(state, np.int64(buffer[at]) | 32)
    return best


@inner
def mend_spelling(lexicon, buffer, begin, tokens, count):
    """Give misspelt words among `count` tokens of the text from `buffer[begin]` on the id and hash of what they were."""
    ids, marks, starts = tokens.ids, tokens.marks, tokens.starts
    doubtful = small = 0
    for t in range(1, count):
        if _is_doubtful(tokens, t):
            doubtful += 1
            small += marks[t] & _CAPITALISED == 0
    if small < LEAST or small * ONE_IN < count or doubtful * FOREIGN > count:
        return
    zero = np.float32(0.0)
    enough = (min(small, FIRST) + 1) // 2
    for repair in (False, True):
        tried = misspelt = 0
        at, point = begin, 0
        for t in range(1, count):
            if not _is_doubtful(tokens, t) or (marks[t] & _CAPITALISED and not repair):
                continue
            while point < starts[t]:
                at += 1
                point += buffer[at] & 0xC0 != 0x80
            right = ids[t + 1] if t + 1 < count else BREAK
            least = zero if ids[t] == UNKNOWN and tokens.lengths[t] >= LONG else FITS
            id, hashed, _ = _corrected(lexicon, buffer, at, at + tokens.lengths[t], ids[t - 1], right, least)
            tried += 1
            misspelt += id != 0
            if repair and id != 0:
                ids[t], tokens.hashes[t] = id, np.uint32(hashed & np.uint64(0xFFFFFFFF))
            if not repair and tried == FIRST:
                break
        if misspelt < enough:
            return
