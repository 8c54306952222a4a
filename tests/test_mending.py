"""Doubtful cases, read by what stands around them; the sure ones are in `test_tokens.py`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.lexicon.tables import NUMBER, UNKNOWN, LexiconFiles
from detector.tokens import Mark
from tests.measuring import Measure, Measured
from tests.texts import HONEST


def read(measured: Measured, lexicon: LexiconFiles) -> list[str]:
    """The words as the tokenizer reads them, unknown ones as they stand."""
    ids = measured.column("ids")[measured.is_word()].tolist()
    return [
        word if id == UNKNOWN else lexicon.word(id) for word, id in zip(measured.words(), ids, strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("g3t m0n3y 0nl1n3 70 buy 4 house", "get money online to buy a house"),
        ("g3t m0n3y 0nl1n3 b1ll10n d0ll4r5 15 m1llwr1gh7", "get money online billion dollars is millwright"),
        ("the g e t t i n g r i c h o f m o n e y", "the getting rich of money"),
        ("r e a d i n t h e h o u s e", "read in the house"),
        (
            "the hou se peo ple and coun try with in formation",
            "the house people and country with information",
        ),
        (
            "the hills ofthe west andthe housesstood closetogether",
            "the hills ofthe west and the houses stood close together",
        ),
    ],
)
def test_beside_sure_cases_doubtful_ones_are_mended(
    measure: Measure, lexicon: LexiconFiles, text: str, words: str
) -> None:
    assert read(measure(text), lexicon) == words.split()


def test_spaced_letters_spell_rarer_words(measure: Measure, lexicon: LexiconFiles) -> None:
    spelt = " ".join("unnecessarily")
    measured = measure(f"the {spelt} large house")
    assert read(measured, lexicon) == "the unnecessarily large house".split()
    assert measured.column("lengths")[2] == len("unnecessarily")


@pytest.mark.parametrize("first", [0x1D41A, 0x24D0, 0xFF41])
def test_one_letter_words_of_another_alphabet_are_read_beside_longer_ones(
    measure: Measure, lexicon: LexiconFiles, first: int
) -> None:
    dressed = str.maketrans({ord("a") + i: first + i for i in range(26)})
    text = "a dealer bought this house before a buyer came"
    ids = measure(text).column("ids").tolist()
    assert measure(text.translate(dressed)).column("ids").tolist()[2:] == ids[2:]
    alone = measure(f"{chr(first)} is a variable")
    assert alone.column("ids")[1] == UNKNOWN


@pytest.mark.parametrize("sign", ["\u200b", "\u00ad", "\u0336", "\x01"])
def test_lengths_are_of_what_is_seen(measure: Measure, sign: str) -> None:
    plain = measure("it wasn't 3,500 dollars")
    hidden = measure("it w\u0061s" + sign + "n't 3,500 dol" + sign + "lars")
    assert hidden.column("lengths").tolist() == plain.column("lengths").tolist() == [0, 2, 6, 5, 7]


@pytest.mark.parametrize(
    "text",
    [
        "we drove 70 miles in 15 hours",
        "ships sailed in formation",
        "page 4 of 50",
        "b3ta and G4S met in 47 days",
    ],
)
def test_alone_they_are_left(measure: Measure, text: str) -> None:
    measured = measure(text)
    numbers = [t for t, word in enumerate(text.split(), 1) if word.isdigit()]
    assert len(measured.words()) == len(text.split())
    assert (measured.column("ids")[numbers] == NUMBER).all()


def test_suspicion_ends_with_the_paragraph(measure: Measure) -> None:
    measured = measure("g3t m0n3y 0nl1n3 70 buy\n\nwe drove 70 miles")
    assert measured.column("ids")[-2] == NUMBER


def test_what_was_mended_is_shown_as_a_disguise(measure: Measure) -> None:
    measured = measure("g3t m0n3y 0nl1n3 70 see t h e h o u s e")
    disguised = [word for word in measured.words() if Mark.DISGUISED in measured.marks(word)]
    assert disguised == ["g3t", "m0n3y", "0nl1n3", "70", "t h e", "h o u s e"]


@given(st.integers(1, 400))
def test_letters_spaced_out_are_all_kept(measure: Measure, letters: int) -> None:
    text = " ".join(("themanreads" * 40)[:letters])
    measured = measure(text)
    assert "".join(measured.words()).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_torn_lines_end_no_sentence(measure: Measure, gap: str) -> None:
    words = "he went to the Old Mill on the way to the farm of the Black family in the hills".split()
    torn = measure(gap.join(words) + " It rained.")
    before = sum(len(sentence) for sentence in torn.sentences()[:-1])
    assert before <= 12, "from the third torn line on the words are one sentence"
    assert torn.sentences()[-1] == [*words[before:], "It", "rained"]


@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_lines_of_their_own_end_sentences(measure: Measure, gap: str) -> None:
    lines = [
        "Apples and pears",
        "Plums",
        "The end of it all",
        "Ripe Figs",
        "Things to look for",
        "Sweet Quinces",
    ]
    assert [" ".join(words) for words in measure(gap.join(lines)).sentences()] == lines


def test_honest_text_is_read_alike_with_lines_of_any_length(measure: Measure) -> None:
    joined = HONEST.replace("\n\n", "\0").replace("\n", " ").replace("\0", "\n\n")
    assert measure(HONEST).sentences() == measure(joined).sentences()
