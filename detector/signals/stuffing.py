"""Keyword stuffing: which phrases are repeated, and how.

Density alone fails (clean pages reach 9 %), so the most repeated phrase is also asked where it stands: in
every paragraph, at paragraph ends, capitalised in mid-sentence, in slots where its neighbours do not take
it, in title and headings. Besides: comma lists, lines of keywords without a function word, and Simpson's
index of repetition (Simpson 1949), which does not depend on length. After Ntoulas et al. 2006 (content
features of web spam).
"""

from __future__ import annotations

import numpy as np

from detector.kernels import inner
from detector.lexicon.hashing import mix
from detector.lexicon.tables import BREAK, NUMBER, Flag
from detector.tokens import Mark

PLACEMENT = (
    "capitalised_inside", "poor_slot", "good_slot", "paragraph_end", "alone", "paragraphs_with", "in_heading",
    "commercial",
)  # fmt: skip
NAMES = (
    *(f"stuffing_top_{n}gram" for n in (1, 2, 3, 4)),
    "stuffing_cover_2gram", "stuffing_cover_3gram", "stuffing_cover_4gram",
    "stuffing_simpson_1gram", "stuffing_simpson_2gram",
    *(f"stuffing_times_{n}gram" for n in (2, 3, 4)),
    *(f"stuffing_{n}gram_{name}" for n in (2, 3, 4) for name in PLACEMENT),
    "stuffing_comma_list", "stuffing_keyword_lines", "stuffing_commercial_share", "stuffing_repeated_lines",
    "stuffing_bare_runs", "stuffing_longest_bare_run",
)  # fmt: skip
_TIMES = 9
_PLACED = _TIMES + 3
_LISTED = _PLACED + 3 * len(PLACEMENT)
_PER_PHRASE = len(PLACEMENT)
MIN_REPEATS = 3
SHORT_SEGMENT, MIN_SEGMENTS = 4, 5
BARE_RUN = 8
"""Words in a row without a function word from which on they are a keyword block rather than a phrase."""
MAX_N = 4
_FUNCTION, _COMMERCIAL = int(Flag.FUNCTION), int(Flag.COMMERCIAL)
_CAPITALISED, _COMMA, _PARAGRAPH = int(Mark.CAPITALISED), int(Mark.COMMA_BEFORE), int(Mark.PARAGRAPH)


@inner
def _is_content(flags, ids, starts, ends, t):
    """A word that can be an end of a keyphrase: not a function word, not a lone letter."""
    if ids[t] == BREAK or ids[t] == NUMBER:
        return False
    if ends[t] - starts[t] < 2:
        return False
    return not flags[t] & _FUNCTION


@inner
def _slot(keys, mask, key):
    """Where `key` (not 0) lies or belongs in the open-addressing table `keys` uint32[mask + 1]."""
    slot = np.int64(key >> np.uint32(7)) & mask
    while keys[slot] != 0 and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@inner
def _clear(count, keys, counts):
    """Empty a table that holds `count` entries at a load of at most a half; returns its mask."""
    size = 16
    while size < 2 * count:
        size *= 2
    for i in range(size):
        keys[i] = 0
        counts[i] = 0
    return size - 1


@inner
def count_words(tokens, count, keys, counts, times):
    """times[t] = how often the word at t occurs in the document, 0 on a BREAK; int32[count]. `keys` uint32 and
    `counts` int32 are scratch whose size, a power of two, is at least twice `count`."""
    ids, hashes = tokens.ids, tokens.hashes
    mask = _clear(count, keys, counts)
    for t in range(count):
        times[t] = -1
        if ids[t] != BREAK:
            key = hashes[t] | np.uint32(1)
            slot = _slot(keys, mask, key)
            keys[slot] = key
            counts[slot] += 1
            times[t] = slot
    for t in range(count):
        times[t] = counts[times[t]] if times[t] >= 0 else 0


@inner
def count_repeats(tokens, flags, count, n, keys, counts, times, repeats):
    """repeats[t] = how often the n-gram that starts at t occurs in the document, 0 where none may start; n >= 2.

    `keys` and `counts` are scratch as in `count_words`, which gives `times`: an n-gram with a word that occurs
    once occurs once, and only the others are hashed.
    """
    ids, hashes, starts, ends = tokens.ids, tokens.hashes, tokens.starts, tokens.ends
    mask = _clear(count, keys, counts)
    for t in range(count - n + 1):
        repeats[t] = 0
        if not _is_content(flags, ids, starts, ends, t) or not _is_content(
            flags, ids, starts, ends, t + n - 1
        ):
            continue
        rarest = times[t]
        for i in range(1, n):
            rarest = min(rarest, times[t + i])
        if rarest < 2:
            repeats[t] = rarest
            continue
        state = np.uint64(n)
        for i in range(n):
            state = mix(state ^ np.uint64(hashes[t + i]))
        key = np.uint32(state & np.uint64(0xFFFFFFFF)) | np.uint32(1)
        slot = _slot(keys, mask, key)
        keys[slot] = key
        counts[slot] += 1
        repeats[t] = -1 - slot
    for t in range(count):
        if t > count - n:
            repeats[t] = 0
        elif repeats[t] < 0:
            repeats[t] = counts[-1 - repeats[t]]


@inner
def _same_words(hashes, a, b, n):
    for i in range(n):  # noqa: SIM110 (numba has no generator expressions)
        if hashes[a + i] != hashes[b + i]:
            return False
    return True


@inner
def _placement(tokens, flags, zones, count, pair, first, n, out):
    """How the phrase of n words that starts at token `first` stands in its places; fills PLACEMENT."""
    ids, hashes, marks = tokens.ids, tokens.hashes, tokens.marks
    times = capitals = poor = good = closing = alone = heading = 0
    paragraphs = with_phrase = 0
    inside = False
    for t in range(count):
        if ids[t] == BREAK and marks[t] & _PARAGRAPH:
            paragraphs += 1
            inside = False
        if t + n > count or ids[t] == BREAK or not _same_words(hashes, t, first, n):
            continue
        times += 1
        if not inside:
            inside = True
            with_phrase += 1
        after = t + n
        all_capitals = True
        for i in range(n):
            if not marks[t + i] & _CAPITALISED:
                all_capitals = False
        opens, ends = ids[t - 1] == BREAK, after >= count or ids[after] == BREAK
        capitals += all_capitals and not opens
        fit = pair[t] + (pair[after] if after < count else 0.0)
        poor += fit < -2.0
        good += fit > 1.0
        closing += after >= count or (ids[after] == BREAK and marks[after] & _PARAGRAPH != 0)
        alone += opens and ends
        heading += zones[t] == 1 or zones[t] == 2
    commercial = 0
    for i in range(n):
        commercial += flags[first + i] & _COMMERCIAL != 0
    out[0], out[1], out[2] = capitals / times, poor / times, good / times
    out[3], out[4], out[5] = closing / times, alone / times, with_phrase / max(paragraphs, 1)
    out[6] = 1.0 if heading and heading < times else 0.0
    out[7] = commercial / n


@inner
def _lists(tokens, flags, count, words, keys, counts, out):
    """Shares of words in comma lists, keyword lines, commercial words, lines that occur again, runs without
    a function word, and the longest of those."""
    ids, marks, hashes = tokens.ids, tokens.marks, tokens.hashes
    listed = segment = segments = run = 0
    bare = in_bare = longest = 0
    line = functions = keyword_lines = commercial = repeated = 0
    mask = _clear(count, keys, counts)
    state = np.uint64(0)
    for t in range(count + 1):
        ending = t == count or ids[t] == BREAK
        if ending or marks[t] & _COMMA:
            if segment <= SHORT_SEGMENT:
                run += segment
                segments += 1
            if ending or segment > SHORT_SEGMENT:
                if segments >= MIN_SEGMENTS:
                    listed += run
                run = segments = 0
            segment = 0
        if ending:
            if line >= 3:
                if functions == 0:
                    keyword_lines += line
                key = np.uint32(state & np.uint64(0xFFFFFFFF)) | np.uint32(1)
                slot = _slot(keys, mask, key)
                if keys[slot] == key:
                    repeated += line
                keys[slot] = key
            line = functions = 0
            state = np.uint64(0)
            continue
        segment += 1
        line += 1
        state = mix(state ^ np.uint64(hashes[t]))
        if flags[t] & _FUNCTION:
            bare = 0
        elif ids[t] != NUMBER:
            bare += 1
            in_bare += BARE_RUN if bare == BARE_RUN else bare > BARE_RUN
            longest = max(longest, bare)
        functions += flags[t] & _FUNCTION != 0
        commercial += flags[t] & _COMMERCIAL != 0
    out[0], out[1], out[2], out[3] = (
        listed / words,
        keyword_lines / words,
        commercial / words,
        repeated / words,
    )
    out[4], out[5] = in_bare / words, min(longest, 60) / 60


@inner
def measure_stuffing(tokens, flags, zones, count, words, pair, keys, counts, times, repeats, covered, out):
    """Fill `out` float32[len(NAMES)]. `flags` comes from `look_up_words`; `times` and `repeats` int32 and `covered` uint8 are scratch [count]."""
    out[:] = 0.0
    count_words(tokens, count, keys, counts, times)
    for n in range(1, MAX_N + 1):
        if n == 1:
            for t in range(count):
                content = _is_content(flags, tokens.ids, tokens.starts, tokens.ends, t)
                repeats[t] = times[t] if content else 0
        else:
            count_repeats(tokens, flags, count, n, keys, counts, times, repeats)
        best = best_at = pairs = cover = starts = 0
        for t in range(count):
            covered[t] = 0
        for t in range(count):
            if repeats[t] > 0:
                starts += 1
                pairs += repeats[t] - 1
            if repeats[t] > best:
                best, best_at = repeats[t], t
            if repeats[t] >= MIN_REPEATS:
                for i in range(n):
                    cover += covered[t + i] == 0
                    covered[t + i] = 1
        if n <= 2:
            out[6 + n] = 100.0 * pairs / max(starts * (starts - 1), 1)
        if best < MIN_REPEATS:
            continue
        out[n - 1] = best * n / words
        if n >= 2:
            out[2 + n] = cover / words
            out[_TIMES + n - 2] = np.log(np.float64(best))
            place = _PLACED + (n - 2) * _PER_PHRASE
            _placement(tokens, flags, zones, count, pair, best_at, n, out[place : place + _PER_PHRASE])
    _lists(tokens, flags, count, words, keys, counts, out[_LISTED : _LISTED + 6])


@inner
def extent(features):
    """How much of a page is stuffed, roughly, to compare two rows of `measure_stuffing`: what repeated phrases
    cover, and what stands in lists of keywords."""
    return features[4] + features[5] + features[6] + features[_LISTED] + features[_LISTED + 1]
