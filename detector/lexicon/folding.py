"""The folding table: code point -> what the tokenizer reads there.

One uint32 a code point: bits 0-7 the folded ASCII letter (0 = none), bits 8-15 a second one (ligatures:
`ﬁ` -> f, i), bits 16-23 the `Class`, bit 24 set for capitals. Compatibility forms come from NFKC (Unicode
Annex 15); NFKC does not map Cyrillic to Latin, so look-alikes stand in `LOOKALIKES`, chosen from Unicode's
confusables (UTS 39) by what homoglyph tools use.
"""

from __future__ import annotations

import unicodedata
from enum import IntEnum

import numpy as np

SIZE = 0x20000
"""Code points beyond (mostly rare CJK and tags) are letters of another script or, for tags, invisible."""
CAPITAL = 1 << 24


class Class(IntEnum):
    """What kind of sign a code point is to the tokenizer."""

    SEPARATOR = 0
    LETTER = 1
    ACCENTED = 2
    LOOKALIKE = 3
    COMPATIBILITY = 4
    INVISIBLE = 5
    APOSTROPHE = 6
    DIGIT = 7
    OTHER_LETTER = 8
    SPACE = 9
    NEWLINE = 10
    SENTENCE_END = 11
    CLAUSE_END = 12
    COMMA = 13
    QUOTE = 14
    SOFT_HYPHEN = 15
    COMBINING = 16
    """An accent of decomposed text (NFD): part of the letter before it, nothing hidden."""


LOOKALIKES = {
    "a": "\u0430\u03b1\u237a", "b": "\u042c\u044c\u0184\u13cf\u1472\u15af",
    "c": "\u0441\u03f2\u1d04\u2ca5\uabaf", "d": "\u0501\u0257\u13e7\u146f\ua4d2",
    "e": "\u0435\u212e\u04bd\u03b5\uab32", "f": "\u03dd\u0584\u1e9d\ua799", "g": "\u0581\u1d83",
    "h": "\u04bb\u0570\u13c2", "i": "\u0456\u03b9\u0269\u04cf\u13a5\ua647\uab75", "j": "\u0458\u03f3",
    "k": "\u03ba\u043a", "l": "\u04c0\u01c0\u05c0\u0196\u16c1\u2c92\u2d4f\ua4f2", "m": "\u043c",
    "n": "\u0578\u057c\u03b7", "o": "\u043e\u03bf\u0585\u1d0f\u05e1\u06f0\u03c3\u10ff\u2c9f\uab3d",
    "p": "\u0440\u03c1\u2374\u03f1\u2ca3", "q": "\u051b\u0563\u0566", "r": "\u0433\u1d26\u2c85\uab47\uab48\uab81",
    "s": "\u0455\ua731\u01bd\uabaa", "t": "\u03c4\u0442", "u": "\u03c5\u057d\u1d1c\uab4e\uab52",
    "v": "\u03bd\u0475\u1d20\uaba9", "w": "\u051d\u0461\u1d21\u03c9\u0561\uab83",
    "x": "\u0445\u03c7\u04b3\u1541\u157d", "y": "\u0443\u04af\u03b3\u1d8c\u10e7\u1eff",
    "z": "\u1d22\uab93", "A": "\u0410\u0391\u13aa\u15c5\ua4ee", "B": "\u0412\u0392\u13f4\u15f7\ua4d0\ua7b4",
    "C": "\u0421\u03f9\u13df\u2ca4\ua4da", "D": "\u13a0\u15de\u15ea\ua4d3", "E": "\u0415\u0395\u13ac\u2d39\ua4f0",
    "F": "\u03dc\u15b4\ua4dd\ua798", "G": "\u050c\u13c0\u13f3\ua4d6", "H": "\u041d\u0397\u13bb\u157c\u2c8e\ua4e7",
    "I": "\u0406\u0399", "J": "\u0408\u13ab\u037f\u148d\ua4d9\ua7b2", "K": "\u041a\u039a\u13e6\u16d5\u2c94\ua4d7",
    "L": "\u13de\u14aa\u2cd0\ua4e1", "M": "\u041c\u039c\u13b7\u03fa\u15f0\u16d6\u2c98\ua4df",
    "N": "\u039d\u2c9a\ua4e0", "O": "\u041e\u039f\u0555\u2c9e\u2d54\ua4f3",
    "P": "\u0420\u03a1\u13e2\u146d\u2ca2\ua4d1", "Q": "\u051a\u2d55", "R": "\u13a1\u01a6\u13d2\u1587\ua4e3",
    "S": "\u0405\u13da\u054f\u13d5\ua4e2", "T": "\u0422\u03a4\u13a2\u2ca6\ua4d4", "U": "\u054d\u144c\ua4f4",
    "V": "\u0474\u13d9\u142f\u2d38\ua4e6", "W": "\u051c\u13b3\u13d4\ua4ea",
    "X": "\u0425\u03a7\u16b7\u2cac\u2d5d\ua4eb\ua7b3", "Y": "\u03a5\u04ae\u03d2\u0423\u13a9\u13bd\u2ca8\ua4ec",
    "Z": "\u0396\u13c3\ua4dc",
}  # fmt: skip
SIGNS = {
    Class.APOSTROPHE: "'\u2018\u2019\u02bc\uff07\u00b4`",
    Class.SENTENCE_END: ".!?\u2026\u3002\uff01\uff1f\uff0e",
    Class.CLAUSE_END: ";:\uff1b\uff1a",
    Class.COMMA: ",\uff0c\u3001|#\u2022\u00b7",
    Class.QUOTE: '"\u201c\u201d\u201e\u00ab\u00bb()[]*_',
    Class.NEWLINE: "\n\u2028\u2029\u0085\x0b\x0c",
    Class.SOFT_HYPHEN: "\u00ad",
}
FANCY = {
    "a": "\u1d00\u0251", "b": "\u0299", "d": "\u1d05", "e": "\u1d07", "f": "\ua730", "g": "\u0262\u0261", "h": "\u029c", "i": "\u026a",
    "j": "\u1d0a", "k": "\u1d0b", "l": "\u029f", "m": "\u1d0d", "n": "\u0274", "p": "\u1d18", "q": "\ua7af", "r": "\u0280",
    "t": "\u1d1b", "y": "\u028f",
}  # fmt: skip
"""Small capitals, script g and Latin alpha. Phonetic script uses them too, so they mark a word only if it is a known one."""
LIGATURES = {"\u00e6": "ae", "\u0153": "oe", "\u00df": "ss", "\u00c6": "AE", "\u0152": "OE", "\u0131": "i"}
"""Letters that Unicode does not decompose; the Turkish dotless i among them, which honest names hold."""
NOT_LETTERS = "\u2120\u2122"
"""Service mark and trade mark stand after a word, they are not part of it."""
STYLED = ((0x24B6, 0x24E9), (0xFF21, 0xFF5A), (0x1D400, 0x1D7FF), (0x1F130, 0x1F189))
"""Circled, full-width, mathematical, squared alphabets: what "fancy text" tools write. Other compatibility
forms (ligatures, Roman numerals, units, \u2116, \u00aa) are honest typography and fold without a mark."""
_GREEK = {
    sign: letter for letter, signs in LOOKALIKES.items() for sign in signs if 0x370 <= ord(sign) < 0x400
}
"""In mathematical styles these are symbols when alone, and letters inside a word."""
OVERLAYS = range(0x334, 0x339)
"""Combining strokes that strike a word through."""


def _entry(letters: str, kind: Class) -> int:
    first = ord(letters[0].lower())
    second = ord(letters[1].lower()) if len(letters) > 1 else 0
    return first | second << 8 | kind << 16 | (CAPITAL if letters[0].isupper() else 0)


def _is_plain(text: str) -> bool:
    return 1 <= len(text) <= 2 and text.isascii() and text.isalpha()


def _is_styled(sign: str) -> bool:
    return any(first <= ord(sign) <= last for first, last in STYLED)


def _fold(sign: str) -> int:
    category = unicodedata.category(sign)
    if sign.isascii() and sign.isalpha():
        return _entry(sign, Class.LETTER)
    if sign in NOT_LETTERS:
        return Class.SEPARATOR << 16
    if category == "Cf" or sign in "\ufe0e\ufe0f\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0":
        return Class.INVISIBLE << 16
    if sign in LIGATURES:
        return _entry(LIGATURES[sign], Class.ACCENTED)
    compatible = unicodedata.normalize("NFKC", sign)
    compatible = _GREEK.get(compatible, compatible) if _is_styled(sign) else compatible
    if category[0] in "LNS" and compatible != sign and _is_plain(compatible):
        styled = category == "Lm" or _is_styled(sign)
        return _entry(compatible, Class.COMPATIBILITY if styled else Class.ACCENTED)
    stripped = "".join(c for c in unicodedata.normalize("NFD", sign) if not unicodedata.combining(c))
    if category[0] == "L" and _is_plain(stripped):
        return _entry(stripped, Class.ACCENTED)
    if 0x300 <= ord(sign) < 0x370 and ord(sign) not in OVERLAYS and category == "Mn" and sign != "\u034f":
        return Class.COMBINING << 16
    if category[0] == "M":
        return Class.INVISIBLE << 16 if category in ("Mn", "Me") else Class.OTHER_LETTER << 16
    if category == "Nd":
        return Class.DIGIT << 16
    if category[0] == "L":
        return Class.OTHER_LETTER << 16
    if sign < "\x80" and category == "Cc" and sign not in "\t\n\v\f\r":
        return Class.INVISIBLE << 16  # the range above is what double encoding makes of honest quotes
    return (Class.SPACE if category in ("Zs", "Cc") else Class.SEPARATOR) << 16


def folding_table() -> np.ndarray:
    """uint32[SIZE] as described above. Raises nothing; surrogates fold to separators."""
    table = np.array([_fold(chr(i)) for i in range(SIZE)], np.uint32)
    for letter, lookalikes in LOOKALIKES.items():
        for sign in lookalikes:
            table[ord(sign)] = _entry(letter, Class.LOOKALIKE)
    for letter, signs in FANCY.items():
        for sign in signs:
            table[ord(sign)] = _entry(letter, Class.COMPATIBILITY)
    for kind, signs in SIGNS.items():
        for sign in signs:
            table[ord(sign)] = kind << 16
    return table
