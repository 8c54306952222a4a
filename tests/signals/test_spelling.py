"""Misspelt words, mended where they are many and plainly misspelt."""

from detector.lexicon.tables import UNKNOWN, LexiconFiles
from tests.measuring import Measure, Measured

SLIPS = "because he wanted teh bset hosue in teh twon, he boght a large houuse for his fmaily and his frends"
MEANT = "because he wanted teh best house in teh town, he bought a large house for his family and his friends"


def read(measured: Measured, lexicon: LexiconFiles) -> list[str]:
    return [lexicon.word(id) for id in measured.column("ids")[measured.is_word()].tolist() if id != UNKNOWN]


def test_many_misspelt_words_are_read_as_what_they_were(measure: Measure, lexicon: LexiconFiles) -> None:
    slips, meant = measure(SLIPS), measure(MEANT)
    assert read(slips, lexicon) == read(meant, lexicon)
    assert slips.column("hashes").tolist() == meant.column("hashes").tolist()
    assert slips.spans()[4] == (SLIPS.index("bset"), SLIPS.index("bset") + 4)


def test_spans_hold_behind_signs_of_several_bytes(measure: Measure, lexicon: LexiconFiles) -> None:
    wide = "\u201c\U0001f600\u201d \u00e9t\u00e9 \u2014 "
    assert read(measure(wide + SLIPS), lexicon)[-20:] == read(measure(MEANT), lexicon)[-20:]


def test_a_few_are_left(measure: Measure) -> None:
    text = "because he wanted the bset house in the town he boght a wooden home"
    ids = dict(zip(measure(text).words(), measure(text).column("ids")[1:].tolist(), strict=True))
    assert ids["bset"] == ids["boght"] == UNKNOWN


def test_unknown_words_that_are_no_slips_are_left(measure: Measure) -> None:
    text = (
        "the zorblat and the quixnar of vlemor in a plorvish drendle with the snavick of the blorptang "
        "and the grivvet were krolding in the wuzzlebank near the frandigo"
    )
    measured = measure(text)
    assert (measured.column("ids")[measured.is_word()] == UNKNOWN).sum() == 11
