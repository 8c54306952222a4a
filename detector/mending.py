"""Broken words put together again: digits read as letters, spaced letters, words parted by a space.

Each of these has a sure case, which honest prose hardly ever shows, and doubtful ones ("in formation", "70" for
"to"). Sure cases add up to suspicion, and words without one take it away again; in a stretch of text that has
shown enough of them, doubtful cases are mended too.
"""

from __future__ import annotations

import numpy as np

from detector.kernels import inner
from detector.lexicon.hashing import FNV_OFFSET, extend_word_hash, find_word, mix
from detector.lexicon.tables import UNKNOWN

COMMON = 30_000
"""Word ids go by frequency: without suspicion a broken word is mended only if it becomes one of these, so that no
name or code word of honest writers turns into a rare word by chance."""
FREQUENT, RARE = 500, 8_000
"""Up to FREQUENT stand the words of every text, from RARE on those that may be pieces of another one."""
SPACED = 3
"""Single letters in a row, a space between each two, from which on they are read as spaced-out words."""
MANY_SPACED = 8
"""From so many on, words of two letters are among them."""
SURE, SUSPICIOUS, MOST = 8, 16, 64
"""A sure case adds SURE to the suspicion, up to MOST, any other word takes 1; from SUSPICIOUS on it counts."""
_LONGEST = 20
_ANY = 1 << 30
_DIGIT_LETTERS = np.frombuffer(b"oi\0eas\0tbg", np.uint8).copy()
"""The letter that each digit looks like; 0, of which no word is made, for none. 1 is tried as an l too."""
_MOST_ONES = 3


@inner
def _word(word_keys, word_ids, state, most):
    """(id, hash) of the word whose letters made `state`, id 0 if it is unknown or from `most` on."""
    hashed = mix(state)
    found = find_word(word_keys, word_ids, hashed)
    return (found if found < most else 0), hashed


@inner
def _as_letters(buffer, begin, end, choice, most, word_keys, word_ids):
    """`_word` of the letters and digits in `buffer[begin:end]`, digits read as letters; bit i of `choice` is set if
    the i-th 1 is an l."""
    state = FNV_OFFSET
    for i in range(begin, end):
        sign = np.int64(buffer[i])
        if sign == 49:
            state = extend_word_hash(state, np.int64(108 if choice & 1 else 105))
            choice >>= 1
        elif 48 <= sign <= 57:
            state = extend_word_hash(state, np.int64(_DIGIT_LETTERS[sign - 48]))
        else:
            state = extend_word_hash(state, sign | 32)
    return _word(word_keys, word_ids, state, most)


@inner
def read_digits(buffer, begin, end, digits, suspicious, word_keys, word_ids):
    """(id, hash, whether it is surely meant) of the ASCII letters and `digits` digits in `buffer[begin:end]` with
    digits read as letters, the commonest word that this can be; id 0 if it makes no common word, or this is more
    likely an honest code: a word with a number before or after it ("mp3", "80th", "A4"), unless it becomes a
    frequent word. With `suspicious` any known word will do, and a number is read if it becomes a frequent word."""
    first, last, ones = end, begin, 0  # what is left without the digits before and after
    for i in range(begin, end):
        if buffer[i] > 57:
            first, last = min(first, i), i + 1
        ones += buffer[i] == 49
    letters = end - begin - digits
    if letters == 0 and (not suspicious or end - begin > _LONGEST or ones == end - begin):
        return 0, np.uint64(0), False
    most = COMMON if letters and not suspicious else FREQUENT if letters == 0 else _ANY
    found, hashed = np.int64(0), np.uint64(0)
    for choice in range(1 << min(ones, _MOST_ONES)):
        read, mixed = _as_letters(buffer, begin, end, choice, most, word_keys, word_ids)
        if read != 0 and (found == 0 or read < found):
            found, hashed = read, mixed
    if suspicious or found == 0:
        return found, hashed, False
    if first == begin and last == end:
        return found, hashed, True
    state = FNV_OFFSET
    for i in range(first, last):
        state = extend_word_hash(state, np.int64(buffer[i]) | 32)
    if last - first > 1 and _word(word_keys, word_ids, state, COMMON)[0] == 0:
        return found, hashed, True
    number_first = digits > 1 and last == end
    if found >= FREQUENT or number_first or (last - first == 1 and buffer[first] < 97):
        found = np.int64(0)
    return found, hashed, False


@inner
def _rarity(id):
    """1 for a frequent word to 4 for one that is not common."""
    return 4 if id == UNKNOWN else 1 + (id >= FREQUENT) + (id >= RARE) + (id >= COMMON)


@inner
def join(buffer, begin, end, state, before, found, suspicious, word_keys, word_ids):
    """(id, hash, whether it is surely meant) of the word of which `state` is the first part and the ASCII letters
    `buffer[begin:end]` the rest; `before` and `found` are the ids of the parts. Id 0 if they are no word together,
    or rather two."""
    sure = _rarity(before) + _rarity(found) > 4
    if not (sure or suspicious):
        return 0, np.uint64(0), False
    for i in range(begin, end):
        state = extend_word_hash(state, np.int64(buffer[i]) | 32)
    read, hashed = _word(word_keys, word_ids, state, _ANY if suspicious else COMMON)
    if (
        not sure and read >= np.int64(before) * found
    ):  # by Zipf's law the two are then as frequent side by side
        read = np.int64(0)
    return read, hashed, sure


@inner
def join_letters(buffer, begin, letters, word_keys, word_ids, out, count, mark):
    """The last `letters` tokens, which are single letters from `buffer[begin]` on with a space between each two,
    become the words that they most likely spell, with `mark`; what spells none stays, and so do fewer than SPACED.
    Returns the new count.

    The likeliest words are found from left to right (Viterbi), a word's probability being 0.1 / rank. The room
    after the tokens serves as scratch: `letters` single letters leave as much free, being two bytes each.
    """
    if letters < SPACED:
        return count
    ids, hashes, starts, ends, marks = out
    first = count - letters
    letters = min(letters, ids.shape[0] - count)
    cost, length = (
        starts[count:],
        ends[count:],
    )  # of the best words that end with the i-th letter, of its last one
    for i in range(letters):
        cost[i] = 2_000_000_000
    for at in range(letters):
        so_far = cost[at - 1] if at else 0
        state = FNV_OFFSET
        for n in range(1, min(letters - at, _LONGEST) + 1):
            state = extend_word_hash(state, np.int64(buffer[begin + 2 * (at + n - 1)]) | 32)
            price = 1200
            if n > 1:
                found = 0
                if n >= SPACED or letters >= MANY_SPACED:
                    found, _ = _word(word_keys, word_ids, state, COMMON if n >= SPACED else FREQUENT)
                price = 230 + int(100.0 * np.log(np.float32(found))) if found != 0 else 0
            if price and so_far + price < cost[at + n - 1]:
                cost[at + n - 1], length[at + n - 1] = so_far + price, n
    chosen = cost  # lengths of the words, where they begin
    at = letters
    while at > 0:
        n = length[at - 1]
        at -= n
        chosen[at] = n
    kept = first
    at = 0
    while at < letters:
        n = np.int64(chosen[at])
        id, hashed = ids[first + at], hashes[first + at]
        if n > 1:
            state = FNV_OFFSET
            for i in range(at, at + n):
                state = extend_word_hash(state, np.int64(buffer[begin + 2 * i]) | 32)
            found, mixed = _word(word_keys, word_ids, state, COMMON)
            id, hashed = np.int32(found), np.uint32(mixed & np.uint64(0xFFFFFFFF))
        ids[kept], hashes[kept] = id, hashed
        starts[kept], ends[kept] = starts[first + at], ends[first + at + n - 1]
        marks[kept] = marks[first + at] | (mark if n >= SPACED else 0)
        kept += 1
        at += n
    while first + letters < count:
        ids[kept], hashes[kept], marks[kept] = (
            ids[first + letters],
            hashes[first + letters],
            marks[first + letters],
        )
        starts[kept], ends[kept] = starts[first + letters], ends[first + letters]
        kept += 1
        letters += 1
    return kept
