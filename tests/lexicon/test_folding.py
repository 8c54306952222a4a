import string
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.lexicon.folding import CAPITAL, LOOKALIKES, SIZE, Class, folding_table


@pytest.fixture(scope="module")
def table() -> np.ndarray:
    return folding_table()


def folded(table: np.ndarray, sign: str) -> tuple[str, Class]:
    """(letters, class) of one code point."""
    entry = int(table[ord(sign)])
    letters = bytes(byte for byte in (entry & 0xFF, entry >> 8 & 0xFF) if byte).decode()
    return letters, Class(entry >> 16 & 0xFF)


def test_ascii_letters_fold_to_lower_case(table: np.ndarray) -> None:
    for sign in string.ascii_letters:
        assert folded(table, sign) == (sign.lower(), Class.LETTER)
        assert bool(table[ord(sign)] & CAPITAL) == sign.isupper()


@pytest.mark.parametrize(
    ("sign", "letters", "kind"),
    [
        ("\u00e9", "e", Class.ACCENTED), ("\u00c5", "a", Class.ACCENTED), ("\u00df", "ss", Class.ACCENTED),
        ("\ufb01", "fi", Class.ACCENTED), ("\u0152", "oe", Class.ACCENTED), ("\u0131", "i", Class.ACCENTED),
        ("\u2163", "iv", Class.ACCENTED), ("\u2116", "no", Class.ACCENTED),
        ("\u0430", "a", Class.LOOKALIKE), ("\u0391", "a", Class.LOOKALIKE), ("\u13a0", "d", Class.LOOKALIKE),
        ("\ua4e0", "n", Class.LOOKALIKE), ("\u0274", "n", Class.COMPATIBILITY), ("\U0001d6c2", "a", Class.COMPATIBILITY),
        ("\uff5a", "z", Class.COMPATIBILITY), ("\U0001d400", "a", Class.COMPATIBILITY), ("\u24b6", "a", Class.COMPATIBILITY),
        ("\u200b", "", Class.INVISIBLE), ("\u2060", "", Class.INVISIBLE), ("\ufe0f", "", Class.INVISIBLE),
        ("\x02", "", Class.INVISIBLE), ("\t", "", Class.SPACE), ("\x80", "", Class.SPACE), ("\u20dd", "", Class.INVISIBLE),
        ("\u0301", "", Class.COMBINING), ("\u0336", "", Class.INVISIBLE), ("\u00ad", "", Class.SOFT_HYPHEN),
        ("'", "", Class.APOSTROPHE), ("\u2019", "", Class.APOSTROPHE), ("7", "", Class.DIGIT), ("\u0667", "", Class.DIGIT),
        ("\u4e2d", "", Class.OTHER_LETTER), ("\u0416", "", Class.OTHER_LETTER), (" ", "", Class.SPACE), ("\u00a0", "", Class.SPACE),
        ("\n", "", Class.NEWLINE), ("\u2028", "", Class.NEWLINE), ("\u3002", "", Class.SENTENCE_END), (";", "", Class.CLAUSE_END),
        (",", "", Class.COMMA), ("|", "", Class.COMMA), ("\u201c", "", Class.QUOTE), ("-", "", Class.SEPARATOR),
        ("\u2122", "", Class.SEPARATOR), ("\ud800", "", Class.SEPARATOR), ("\U0001f600", "", Class.SEPARATOR),
    ],
)  # fmt: skip
def test_examples(table: np.ndarray, sign: str, letters: str, kind: Class) -> None:
    assert folded(table, sign) == (letters, kind)


def test_look_alikes_are_never_latin_and_never_listed_twice() -> None:
    signs = "".join(LOOKALIKES.values())
    assert len(signs) == len(set(signs))
    assert not any("LATIN" in unicodedata.name(sign) and sign.isascii() for sign in signs)
    assert sorted(LOOKALIKES) == sorted(string.ascii_letters)


@given(st.integers(0, SIZE - 1))
def test_only_letters_have_letters(table: np.ndarray, point: int) -> None:
    letters, kind = folded(table, chr(point))
    assert letters == "" or (letters.isascii() and letters.isalpha() and letters.islower())
    assert bool(letters) == (kind in (Class.LETTER, Class.ACCENTED, Class.LOOKALIKE, Class.COMPATIBILITY))


@given(st.characters(categories=("Lu", "Ll"), max_codepoint=0x24F))
def test_composed_and_decomposed_letters_fold_alike(table: np.ndarray, sign: str) -> None:
    if folded(table, sign)[1] == Class.ACCENTED:
        base, *accents = list(unicodedata.normalize("NFD", sign))
        if accents:
            assert folded(table, base)[0] == folded(table, sign)[0]
            assert {folded(table, accent)[1] for accent in accents} == {Class.COMBINING}
