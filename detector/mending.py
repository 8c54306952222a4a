"""Broken words mended: digits read as letters, spaced letters, words parted by a space or not parted.

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
FREQUENT_JOINED = 40
"""What two frequent words without a space between add to the suspicion that spaces are left out."""
HARDLY_A_WORD = 60_000
"""From here on the lexicon has joined words, too, as careless writers made them ("ofthe")."""
LONG = 6
"""Words of so many letters are looked for up to there when words are parted, and shorter ones among the common."""
LONE = 1200
_LONGEST = 20
_JOINED, _PER_LETTER = 40, 250
"""Letters of joined words at most, and what they may cost each, in hundredths of a nat."""
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
def _read(buffer, begin, stride, letters, most, word_keys, word_ids):
    """`_word` of those letters, the i-th at `buffer[begin + stride * i]`."""
    state = FNV_OFFSET
    for i in range(letters):
        state = extend_word_hash(state, np.int64(buffer[begin + stride * i]) | 32)
    return _word(word_keys, word_ids, state, most)


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
    if last - first > 1 and _read(buffer, first, 1, last - first, COMMON, word_keys, word_ids)[0] == 0:
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
def _rarest(letters):
    """Ids from here on are no word of so many `letters` when words are parted."""
    return FREQUENT if letters < SPACED else COMMON if letters < LONG else HARDLY_A_WORD


@inner
def _spell(buffer, begin, stride, letters, two, word_keys, word_ids, cost, length):
    """Part letters, of which the i-th stands at `buffer[begin + stride * i]`, into their likeliest words (Viterbi), a
    word's probability being 0.1 / rank; words of two letters only if `two`. Then length[i] is that of the last one of the words
    that end with the i-th letter, and cost[i] 100 times their negative log-probability; a letter that is no word costs
    LONE."""
    for i in range(letters):
        cost[i] = 2_000_000_000
    for at in range(letters):
        so_far = cost[at - 1] if at else 0
        state = FNV_OFFSET
        for n in range(1, min(letters - at, _LONGEST) + 1):
            state = extend_word_hash(state, np.int64(buffer[begin + stride * (at + n - 1)]) | 32)
            price = LONE
            if n > 1:
                found = 0
                if n >= SPACED or two:
                    found, _ = _word(word_keys, word_ids, state, _rarest(n))
                price = 230 + int(100.0 * np.log(np.float32(found))) if found != 0 else 0
            if price and so_far + price < cost[at + n - 1]:
                cost[at + n - 1], length[at + n - 1] = so_far + price, n


@inner
def _from_the_first(letters, length, chosen):
    """chosen[i] = letters of the word that begins with the i-th one, by what `_spell` found; returns how many words."""
    at, words = letters, 0
    while at > 0:
        n = length[at - 1]
        at -= n
        chosen[at] = n
        words += 1
    return words


@inner
def join_letters(buffer, begin, letters, word_keys, word_ids, out, count, mark):
    """The last `letters` tokens, which are single letters from `buffer[begin]` on with a space between each two,
    become the words that they most likely spell, with `mark`; what spells none stays, and so do fewer than SPACED.
    Returns the new count. The room after the tokens serves as scratch: single letters leave as much free as they
    are, being two bytes each.
    """
    if letters < SPACED:
        return count
    ids, hashes, starts, ends, marks, lengths = out
    first = count - letters
    letters = min(letters, ids.shape[0] - count)
    chosen, length = starts[count:], ends[count:]
    _spell(buffer, begin, 2, letters, letters >= MANY_SPACED, word_keys, word_ids, chosen, length)
    _from_the_first(letters, length, chosen)
    kept = first
    at = 0
    while at < letters:
        n = np.int64(chosen[at])
        id, hashed = ids[first + at], hashes[first + at]
        if n > 1:
            found, mixed = _read(buffer, begin + 2 * at, 2, n, _rarest(n), word_keys, word_ids)
            id, hashed = np.int32(found), np.uint32(mixed & np.uint64(0xFFFFFFFF))
        ids[kept], hashes[kept] = id, hashed
        starts[kept], ends[kept] = starts[first + at], ends[first + at + n - 1]
        marks[kept] = marks[first + at] | (mark if n >= SPACED else 0)
        lengths[kept] = n
        kept += 1
        at += n
    while first + letters < count:
        ids[kept], hashes[kept], marks[kept] = (
            ids[first + letters],
            hashes[first + letters],
            marks[first + letters],
        )
        starts[kept], ends[kept], lengths[kept] = (
            starts[first + letters],
            ends[first + letters],
            lengths[first + letters],
        )
        kept += 1
        letters += 1
    return kept


@inner
def is_two_frequent(buffer, begin, end, word_keys, word_ids):
    """Whether the ASCII letters `buffer[begin:end]` are two frequent words of two letters or more ("ofthe")."""
    state = FNV_OFFSET
    for at in range(begin, end - 2):
        state = extend_word_hash(state, np.int64(buffer[at]) | 32)
        if at > begin and _word(word_keys, word_ids, state, FREQUENT)[0] != 0:
            rest, _ = _read(buffer, at + 1, 1, end - at - 1, FREQUENT, word_keys, word_ids)
            if rest != 0:
                return True
    return False


@inner
def part(buffer, begin, end, start, word_keys, word_ids, out, count):
    """Put the words that the ASCII letters `buffer[begin:end]` hold, common ones and joined, after `count` tokens;
    `start` is the code point where they begin. Returns how many; 0 if they are not made of few such words."""
    ids, hashes, starts, ends, marks, lengths = out
    letters = end - begin
    if letters > _JOINED or count + letters > ids.shape[0]:
        return 0
    chosen, length = starts[count:], ends[count:]
    _spell(buffer, begin, 1, letters, True, word_keys, word_ids, chosen, length)
    if chosen[letters - 1] > _PER_LETTER * letters:
        return 0
    words = _from_the_first(letters, length, chosen)
    at = 0
    for i in range(count, count + words):
        n = np.int64(chosen[at])
        found, mixed = _read(buffer, begin + at, 1, n, _rarest(n), word_keys, word_ids)
        ids[i], hashes[i] = found if found != 0 else UNKNOWN, np.uint32(mixed & np.uint64(0xFFFFFFFF))
        starts[i], ends[i], marks[i], lengths[i] = start + at, start + at + n, 0, n
        at += n
    return words
