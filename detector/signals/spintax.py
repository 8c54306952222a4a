"""Spintax left in the page: `{fast|quick|rapid}`, and nouns doubled where two slots met.

Template languages use braces too: `{{...}}` and `{%...%}` are code, and an option holds only words.
"""

from __future__ import annotations

from detector.kernels import inner
from detector.lexicon.tables import FIRST_WORD, Flag

MAX_GROUP_BYTES = 400
MIN_DOUBLED_LETTERS = 4
_FUNCTION = int(Flag.FUNCTION)


@inner
def find_spintax(buffer, begin, end, starts, ends):
    """Code-point spans of `{a|b}` groups (also with `/`) into starts, ends (int32[capacity]); returns how
    many there are, counted on beyond the capacity."""
    found = 0
    point = 0
    opened = -1
    opened_point = 0
    options = 0
    clean = True
    for at in range(begin, end):
        sign = buffer[at]
        if (sign & 0xC0) == 0x80:
            continue
        if sign == 123:  # {
            doubled = at + 1 < end and (buffer[at + 1] == 123 or buffer[at + 1] == 37)
            doubled = doubled or (at > begin and (buffer[at - 1] == 123 or buffer[at - 1] == 36))
            opened, opened_point, options, clean = at, point, 0, not doubled
        elif opened >= 0:
            if sign == 124 or sign == 47:  # | or /
                options += 1
            elif sign == 125:  # }
                if clean and options > 0 and at - opened <= MAX_GROUP_BYTES:
                    if found < starts.shape[0]:
                        starts[found], ends[found] = opened_point, point + 1
                    found += 1
                opened = -1
            elif (
                sign < 32 or sign == 61 or sign == 59 or sign == 60 or sign == 62 or sign == 92 or sign == 34
            ):
                clean = False
        point += 1
    return found


@inner
def is_doubled(ids, flags, hashes, starts, ends, t):
    """A content word of at least four letters stands twice in a row."""
    return (
        t > 0
        and hashes[t] == hashes[t - 1]
        and ids[t] >= FIRST_WORD
        and ends[t] - starts[t] >= MIN_DOUBLED_LETTERS
        and not flags[t] & _FUNCTION
    )
