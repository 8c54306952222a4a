"""The tokenizer: UTF-8 bytes of one document -> word ids, spans in code points, flags.

A token is a run of letters with at most one inner apostrophe, a number, or a sentence break (`BREAK`, an
empty span before the token that follows). Letters are folded while they are read (case, accents,
look-alikes, full-width forms, ligatures; invisible signs are skipped), so spans always point into the
text as given and no normalised copy is made.
"""

from __future__ import annotations

from enum import IntFlag
from typing import NamedTuple

import numpy as np

from detector.kernels import inner
from detector.lexicon.folding import CAPITAL, SIZE, Class
from detector.lexicon.hashing import FNV_OFFSET, extend_word_hash, find_word, mix
from detector.lexicon.tables import BREAK, FIRST_WORD, NUMBER, UNKNOWN
from detector.mending import (
    FREQUENT_JOINED,
    HARDLY_A_WORD,
    MOST,
    SURE,
    SUSPICIOUS,
    is_two_frequent,
    join,
    join_letters,
    part,
    read_digits,
)


class Mark(IntFlag):
    """Bits of a token's flags."""

    CAPITALISED = 1
    ALL_CAPITALS = 2
    DISGUISED = 4
    """A word in look-alike, full-width or fancy letters, or with an invisible sign inside. Greek letters in
    formulas and names of substances ("TNF\u03b1", "\u03b2-carotene") are none."""
    COMMA_BEFORE = 8
    PARAGRAPH = 16
    """On a BREAK: a paragraph starts here."""
    OTHER_SCRIPT = 32
    HYPHENATED = 64
    """Joined to the word before it by a hyphen."""
    SOFT_HYPHEN = 128
    """Soft hyphens inside. One that parts off a single letter at either end is a disguise as well: no
    typesetter hyphenates there."""


class Tokens(NamedTuple):
    """Scratch arrays of at least (bytes + 2) entries: ids int32, hashes uint32, starts and ends int32
    (code points), marks uint8, lengths int32 (code points that a reader sees of a word)."""

    ids: np.ndarray
    hashes: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    marks: np.ndarray
    lengths: np.ndarray


def new_tokens(size: int) -> Tokens:
    """Scratch for documents of up to `size` bytes; untouched pages cost no memory."""
    n = size + 2
    dtypes = (np.int32, np.uint32, np.int32, np.int32, np.uint8, np.int32)
    return Tokens(*(np.empty(n, dtype) for dtype in dtypes))


ENDLESS = 100
"""Words below this id ("the", "of", "and") hardly ever end a line that was meant to end there."""
TORN_LINES = 3
"""So many lines that end with such a word, being a quarter of all that end without a full stop, mean that lines are
torn: from there on they end no sentence."""
_LETTER, _ACCENTED, _LOOKALIKE, _COMPATIBILITY = 1, 2, 3, 4
assert (Class.LETTER, Class.ACCENTED, Class.LOOKALIKE, Class.COMPATIBILITY) == (1, 2, 3, 4)
_C_INVISIBLE, _C_APOSTROPHE, _C_DIGIT = int(Class.INVISIBLE), int(Class.APOSTROPHE), int(Class.DIGIT)
_C_OTHER, _C_SPACE, _C_NEWLINE = int(Class.OTHER_LETTER), int(Class.SPACE), int(Class.NEWLINE)
_C_END, _C_CLAUSE, _C_COMMA = int(Class.SENTENCE_END), int(Class.CLAUSE_END), int(Class.COMMA)
_C_SOFT, _C_COMBINING = int(Class.SOFT_HYPHEN), int(Class.COMBINING)
_CAPITALISED, _ALL_CAPITALS, _DISGUISED = int(Mark.CAPITALISED), int(Mark.ALL_CAPITALS), int(Mark.DISGUISED)
_COMMA_BEFORE, _PARAGRAPH, _OTHER_SCRIPT = int(Mark.COMMA_BEFORE), int(Mark.PARAGRAPH), int(Mark.OTHER_SCRIPT)
_HYPHENATED, _SOFT_MARK = int(Mark.HYPHENATED), int(Mark.SOFT_HYPHEN)


@inner
def _decode(buffer, at, end):
    """(code point, bytes it takes) of well-formed UTF-8, lone surrogates included."""
    first = np.int64(buffer[at])
    if first < 0x80:
        return first, 1
    if first < 0xE0 and at + 1 < end:
        return ((first & 0x1F) << 6) | (np.int64(buffer[at + 1]) & 0x3F), 2
    if first < 0xF0 and at + 2 < end:
        return ((first & 0x0F) << 12) | ((np.int64(buffer[at + 1]) & 0x3F) << 6) | (
            np.int64(buffer[at + 2]) & 0x3F
        ), 3
    if at + 3 < end:
        high = ((first & 0x07) << 18) | ((np.int64(buffer[at + 1]) & 0x3F) << 12)
        return high | ((np.int64(buffer[at + 2]) & 0x3F) << 6) | (np.int64(buffer[at + 3]) & 0x3F), 4
    return np.int64(0xFFFD), 1


@inner
def _opens_address(buffer, begin, at, end, signs):
    """Whether a word of `signs` code points turns out to be the start of a URL or mail address at `at`."""
    sign = buffer[at] if at < end else 0
    if sign == 64:  # @
        return at + 1 < end and (48 <= buffer[at + 1] <= 57 or 97 <= (buffer[at + 1] | 32) <= 122)
    if sign == 58:  # ://
        return at + 2 < end and buffer[at + 1] == 47 and buffer[at + 2] == 47
    if sign == 46 and signs == 3 and at >= begin + 3:  # www.
        return (buffer[at - 1] | 32) == 119 and (buffer[at - 2] | 32) == 119 and (buffer[at - 3] | 32) == 119
    return False


@inner
def _closes_address(sign):
    """White space apart, what can't be part of an address: < > , " ) ]"""
    return sign == 60 or sign == 62 or sign == 44 or sign == 34 or sign == 41 or sign == 93


@inner
def tokenize(buffer, begin, end, fold, word_keys, word_ids, out):
    """Read `buffer[begin:end]` (uint8) into `out` (Tokens); returns (tokens, words, code points).

    The first token is a BREAK with PARAGRAPH. A sentence ends at `.!?` plus white space before anything
    but a lower-case letter, save after a capitalised word of one or two letters ("Dr. Smith"); a clause
    at `;` or `:` plus white space; a line break counts unless a lower-case letter follows, or lines are torn (see
    TORN_LINES, which holds for blank lines by themselves). A URL or mail
    address is one unknown word, and no two of them are the same: repeating an address is no stuffing.
    """
    ids, hashes, starts, ends, marks, lengths = out
    ids[0], hashes[0], starts[0], ends[0], marks[0], lengths[0] = BREAK, 0, 0, 0, _PARAGRAPH, 0
    count = breaks = 1
    at, point = begin, 0
    state = FNV_OFFSET
    letters = plain = capitals = folded = foreign = hidden = pending_hidden = soft = 0
    word_start = word_end = -1
    apostrophe = 0  # 1: seen after letters, 2: inside the word
    mixed = False  # digits or letters of another script within
    number = False
    address = False  # a URL or mail address, up to the next white space
    first_capital = False
    ended = clause = lines = comma = 0
    hyphen = -1  # where the hyphen stands that ended the last word
    word_at = 0  # byte where the word starts
    digits = others = 0  # in the word: digits, letters that look like no Latin one
    joinable = False  # the last word is of plain letters, and not put together yet
    state_before = FNV_OFFSET  # the hash of its letters, to go on with
    spaced = spaced_at = 0  # single letters in a row up to the last word; the byte where the first stands
    script_before = False  # the last word is in another script
    alike = 0  # words in a row up to the last one that hold look-alikes only
    leet = parted = joined = 0  # suspicion that digits stand for letters, spaces part words, or are left out
    dressed = 0  # suspicion that words stand in look-alikes or another alphabet's letters
    line_ends = cut_lines = 0  # lines that end without a full stop, those of them that are torn
    blank_ends = cut_blanks = 0  # the same before a blank line
    while at <= end:
        if at < end:
            sign, width = _decode(buffer, at, end)
            if sign < SIZE:
                entry = np.int64(fold[sign])
            else:
                entry = np.int64(_C_INVISIBLE << 16) if sign >= 0xE0000 else np.int64(_C_OTHER << 16)
            kind = (entry >> 16) & 0xFF
        else:
            sign, width, entry, kind = np.int64(10), 1, np.int64(_C_NEWLINE << 16), np.int64(_C_NEWLINE)
        if word_start >= 0 and not address and _opens_address(buffer, begin, at, end, point - word_start):
            address = mixed = True
        if address and kind != _C_SPACE and kind != _C_NEWLINE and not _closes_address(sign):
            word_end = point + 1
        elif (_LETTER <= kind <= _COMPATIBILITY) or kind == _C_DIGIT or kind == _C_OTHER:
            if word_start < 0:
                lower = kind != _C_DIGIT and kind != _C_OTHER and (entry & CAPITAL) == 0
                short = (
                    count > 0
                    and ids[count - 1] != BREAK
                    and marks[count - 1] & _CAPITALISED
                    and (ends[count - 1] - starts[count - 1] <= 2)
                )
                sentence = ended == 2 and not lower and not short
                if lines and ended == 0 and clause == 0 and count > 1:
                    cut = FIRST_WORD <= ids[count - 1] < ENDLESS
                    if lines == 1:
                        line_ends += 1
                        cut_lines += cut
                        torn = cut_lines >= TORN_LINES and 4 * cut_lines > line_ends
                    else:
                        blank_ends += 1
                        cut_blanks += cut
                        torn = cut_blanks >= TORN_LINES and 4 * cut_blanks > blank_ends
                    lines = 0 if torn else lines
                if lines >= 2:
                    leet, parted, joined = leet // 2, parted // 2, joined // 2
                if (sentence or clause == 2 or lines >= 2 or (lines == 1 and not lower)) and ids[
                    count - 1
                ] != BREAK:
                    count = join_letters(
                        buffer, spaced_at, spaced, word_keys, word_ids, out, count, _DISGUISED
                    )
                    spaced = alike = 0
                    script_before = False
                    ids[count], hashes[count], starts[count], ends[count] = BREAK, 0, point, point
                    lengths[count] = 0
                    marks[count] = _PARAGRAPH if lines >= 2 or (lines == 1 and ended == 2) else 0
                    count += 1
                    breaks += 1
                word_start, word_at = point, at
                digits = others = 0
                state = FNV_OFFSET
                letters = plain = capitals = folded = foreign = hidden = pending_hidden = soft = 0
                apostrophe = 0
                mixed = number = address = False
                first_capital = (entry & CAPITAL) != 0
            if apostrophe == 1:
                state = extend_word_hash(state, np.int64(39))
                apostrophe = 2
            hidden += pending_hidden
            pending_hidden = 0
            if kind == _C_DIGIT or kind == _C_OTHER:
                digits += kind == _C_DIGIT
                others += kind == _C_OTHER
                if kind == _C_DIGIT and letters == 0 and not mixed:
                    number = True
                else:
                    mixed = True
                state = extend_word_hash(state, sign & 0xFF)
                state = extend_word_hash(state, sign >> 8)
            else:
                if number:
                    mixed = True
                state = extend_word_hash(state, entry & 0xFF)
                if (entry >> 8) & 0xFF:
                    state = extend_word_hash(state, (entry >> 8) & 0xFF)
                letters += 1
                plain += kind <= _ACCENTED
                folded += kind == _LOOKALIKE or kind == _COMPATIBILITY
                foreign += kind == _LOOKALIKE and not 0x370 <= sign < 0x400
                capitals += (entry & CAPITAL) != 0
            word_end = point + 1
        elif kind == _C_COMBINING:
            if word_end == point:
                word_end = point + 1
        elif kind == _C_INVISIBLE or kind == _C_SOFT:
            if word_start >= 0:
                if kind == _C_SOFT:
                    soft = letters
                    hidden += letters == 1
                else:
                    pending_hidden += 1
        elif kind == _C_APOSTROPHE and word_start >= 0 and apostrophe == 0 and letters > 0 and not mixed:
            apostrophe = 1
        else:
            inside_number = (
                number
                and not mixed
                and at + 1 < end
                and (kind == _C_COMMA or kind == _C_END or kind == _C_CLAUSE)
                and 48 <= buffer[at + 1] <= 57
            )
            if word_start >= 0 and not inside_number:
                hashed = mix(state)
                found = UNKNOWN
                if number and not mixed:
                    found = NUMBER
                elif not mixed:
                    found = find_word(word_keys, word_ids, hashed)
                    if found == 0:
                        found = UNKNOWN
                length = letters + digits + others + (apostrophe == 2)
                if number or address:
                    length = word_end - word_start
                if address:
                    hashed = mix(hashed ^ np.uint64(word_start))
                mark = 0
                if first_capital:
                    mark |= _CAPITALISED
                if capitals > 1 and capitals == letters:
                    mark |= _ALL_CAPITALS
                as_stored = letters + digits == at - word_at  # one byte each, and nothing between
                leet = max(leet - 1, 0)
                parted = max(parted - 1, 0)
                joined = max(joined - 1, 0)
                dressed = max(dressed - 1, 0)
                if digits and as_stored and not address and (letters or leet >= SUSPICIOUS):
                    read, read_hash, sure = read_digits(
                        buffer, word_at, at, digits, leet >= SUSPICIOUS, word_keys, word_ids
                    )
                    if read != 0:
                        found, hashed, mixed = read, read_hash, False
                        mark |= _DISGUISED if sure or leet >= SUSPICIOUS else 0
                        leet = min(leet + SURE, MOST) if sure or (letters and leet >= SUSPICIOUS) else leet
                if foreign and foreign == letters and script_before:
                    mixed = True
                known = found != UNKNOWN
                if folded and not mixed and ((foreign and (plain or known)) or (letters > 1 and known)):
                    if foreign or letters > 2:  # two letters in a mathematical style may be a formula
                        mark |= _DISGUISED
                        dressed = min(dressed + SURE, MOST)
                elif folded and known and not mixed and dressed >= SUSPICIOUS:  # one letter: "a" or "I"
                    mark |= _DISGUISED
                elif folded:
                    mixed = True
                    found = UNKNOWN
                if hidden and letters > 1:
                    mark |= _DISGUISED
                if soft:
                    mark |= _SOFT_MARK
                    if letters == soft + 1:
                        mark |= _DISGUISED
                if mixed:
                    mark |= _OTHER_SCRIPT
                if comma:
                    mark |= _COMMA_BEFORE
                if hyphen >= 0 and hyphen == word_start - 1:
                    mark |= _HYPHENATED
                script_before = plain == 0 and (others > 0 or (foreign > 0 and mixed))
                if script_before:
                    for t in range(count - alike, count):
                        ids[t], marks[t] = UNKNOWN, (marks[t] & ~_DISGUISED) | _OTHER_SCRIPT
                alike = alike + 1 if foreign and foreign == letters and not mixed else 0
                next_door = word_start == ends[count - 1] + 1 and buffer[word_at - 1] == 32
                single = letters == 1 and as_stored and digits == 0
                if spaced and not (single and next_door):
                    count = join_letters(
                        buffer, spaced_at, spaced, word_keys, word_ids, out, count, _DISGUISED
                    )
                    spaced = 0
                if single:
                    spaced_at = spaced_at if spaced else word_at
                    spaced += 1
                    joinable = False
                elif letters > 1 and as_stored and digits == 0:
                    may_join = True
                    if next_door and joinable:
                        read, read_hash, sure = join(
                            buffer, word_at, at, state_before, ids[count - 1], found, parted >= SUSPICIOUS,
                            word_keys, word_ids,
                        )  # fmt: skip
                        if read != 0:
                            count -= 1
                            found, hashed, mark = read, read_hash, marks[count]
                            word_start = starts[count]
                            length += lengths[count]
                            may_join = False
                            parted = min(parted + SURE, MOST) if sure else parted
                    joinable, state_before = may_join, state
                else:
                    joinable = False
                pieces = 0
                if (
                    (found == UNKNOWN or found >= HARDLY_A_WORD)
                    and plain == letters
                    and letters > 4
                    and as_stored
                    and digits == 0
                    and not mixed
                ):
                    if not first_capital and is_two_frequent(buffer, word_at, at, word_keys, word_ids):
                        joined = min(joined + FREQUENT_JOINED, 4 * FREQUENT_JOINED)
                    if joined > FREQUENT_JOINED:
                        pieces = part(buffer, word_at, at, word_start, word_keys, word_ids, out, count)
                if pieces:
                    marks[count] = mark
                    count += pieces
                    joinable = False
                else:
                    ids[count] = found
                    hashes[count] = np.uint32(hashed & np.uint64(0xFFFFFFFF))
                    starts[count], ends[count], marks[count] = word_start, word_end, mark
                    lengths[count] = length
                    count += 1
                word_start = -1
                address = False
                ended = clause = lines = comma = 0
            if not inside_number:
                if kind == _C_SPACE or kind == _C_NEWLINE:
                    ended = 2 if ended else 0
                    clause = 2 if clause else 0
                    if kind == _C_NEWLINE and sign != 0xB and sign != 0xC:
                        lines += 1
                elif kind == _C_END:
                    ended = 2 if ended == 2 else 1
                elif kind == _C_CLAUSE:
                    clause = 1
                elif kind == _C_COMMA:
                    comma = 1
                elif sign == 0x2D or sign == 0x2010 or sign == 0x2011:
                    hyphen = point if count > 0 and ends[count - 1] == point else -1
        at += width
        point += 1
    count = join_letters(buffer, spaced_at, spaced, word_keys, word_ids, out, count, _DISGUISED)
    return count, count - breaks, point - 1
