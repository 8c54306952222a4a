import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.lexicon.folding import LOOKALIKES
from detector.lexicon.tables import BREAK, FIRST_WORD, NUMBER, UNKNOWN, LexiconFiles
from detector.tokens import Mark
from tests.measuring import Measure
from tests.strategies import any_text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \n\t ", []),
        ("The cat sat.", ["The", "cat", "sat"]),
        ("don't, isn\u2019t", ["don't", "isn\u2019t"]),
        ("the dogs' home", ["the", "dogs", "home"]),
        ("'quoted'", ["quoted"]),
        ("rock'n'roll", ["rock'n", "roll"]),
        ("well-known and/or e.g. x_y", ["well", "known", "and", "or", "e", "g", "x", "y"]),
        ("1,000.50 at 10:30 on 5.", ["1,000.50", "at", "10:30", "on", "5"]),
        ("1, 2", ["1", "2"]),
        ("3rd B2B", ["3rd", "B2B"]),
        ("na\u00efve \ufb01sh", ["na\u00efve", "\ufb01sh"]),
        ("\U0001f600cat\U0001f600", ["cat"]),
        ("iPhone\u2122 works", ["iPhone", "works"]),
    ],
)
def test_words(measure: Measure, text: str, words: list[str]) -> None:
    assert measure(text).words() == words


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("He came. She left! Why? 3 knew.", ["He came", "She left", "Why", "3 knew"]),
        ("He came... and left.", ["He came and left"]),
        ("Dr. Smith met Mr. Jones.", ["Dr Smith met Mr Jones"]),
        ("He said \u201cYes.\u201d Then he left.", ["He said Yes", "Then he left"]),
        ("One; two: three", ["One", "two", "three"]),
        ("A title\nThe text goes\non here", ["A title", "The text goes on here"]),
        ("one\n\ntwo", ["one", "two"]),
        ("at 10:30 we met", ["at 10:30 we met"]),
    ],
)
def test_sentences(measure: Measure, text: str, sentences: list[str]) -> None:
    assert [" ".join(words) for words in measure(text).sentences()] == sentences


def test_ids_tell_words_numbers_and_the_unknown_apart(measure: Measure, lexicon: LexiconFiles) -> None:
    ids = measure("The 42 flumbotides, B2B. \u4e2d\u6587").column("ids").tolist()
    assert ids == [BREAK, lexicon.id_of["the"], NUMBER, UNKNOWN, UNKNOWN, BREAK, UNKNOWN]


@pytest.mark.parametrize(
    "text",
    [
        "CAF\u00c9",
        "caf\u00e9",
        "cafe\u0301",
        "\uff43\uff41\uff46\uff45",
        "c\u0430f\u0435",
        "ca\u200bfe",
        "ca\u00adfe",
    ],
)
def test_forms_of_a_word_are_one_word(measure: Measure, lexicon: LexiconFiles, text: str) -> None:
    measured = measure(f"the {text} is")
    assert measured.column("ids")[2] == lexicon.id_of["cafe"]
    assert measured.words() == ["the", text, "is"]
    assert len(set(measured.column("hashes")[2:3]) | set(measure("the cafe is").column("hashes")[2:3])) == 1


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Buy vi\u0430gra now", "vi\u0430gra"),  # Cyrillic a
        ("a \u0440\u0430\u0441\u0435 here", "\u0440\u0430\u0441\u0435"),  # "pace", all Cyrillic
        ("buy \u0430 car", "\u0430"),  # a lone Cyrillic letter as the article
        ("get m\u03bfney", "m\u03bfney"),  # Greek o
        ("get mo\u200bney", "mo\u200bney"),  # zero-width space
        ("get \uff4d\uff4f\uff4e\uff45\uff59", "\uff4d\uff4f\uff4e\uff45\uff59"),  # full-width
        (
            "get \U0001d42c\U0001d429\U0001d41a\U0001d426",
            "\U0001d42c\U0001d429\U0001d41a\U0001d426",
        ),  # mathematical bold
        ("get s\u0336pam", "s\u0336pam"),  # struck through
        ("get s\u20ddpam", "s\u20ddpam"),  # encircled
        ("get mo\x02ney", "mo\x02ney"),  # a control character
        ("get mo\x1fney", "mo\x1fney"),  # one that Python takes for white space
        ("get m0ney", "m0ney"),  # digits that read as letters
        ("get 0nl1ne", "0nl1ne"),
        ("get \u0251bout", "\u0251bout"),  # Latin alpha, which phonetic script has too
        ("get \u1d0d\u1d0f\u0274\u1d07\u028f", "\u1d0d\u1d0f\u0274\u1d07\u028f"),  # small capitals
        ("get \ua4df\ua4f3\ua4e0\ua4f0\ua4ec", "\ua4df\ua4f3\ua4e0\ua4f0\ua4ec"),  # Lisu
        (
            "get \U0001d6b3\U0001d6b6\U0001d6b4\U0001d6ac\U0001d6bc",
            "\U0001d6b3\U0001d6b6\U0001d6b4\U0001d6ac\U0001d6bc",
        ),
        ("get m\u00adoney", "m\u00adoney"),  # soft hyphens where nobody hyphenates
        ("get mone\u00ady", "mone\u00ady"),
    ],
)
def test_disguise_is_marked(measure: Measure, text: str, word: str) -> None:
    assert Mark.DISGUISED in measure(text).marks(word)


@pytest.mark.parametrize(
    "text",
    [
        "\u03b1-synuclein and \u03b2-carotene",
        "TNF\u03b1, NF\u03baB and PPAR\u03b3 rose",
        "an iPhone\u2122 by Acme\u00ae, \u21165, 10 \u338f",
        unicodedata.normalize("NFD", "r\u00e9sum\u00e9 d\u00e9j\u00e0 vu, Z\u00fcrich"),
        "Ayd\u0131n and Y\u0131ld\u0131z",
        "chapter \u2161 of the \ufb01rst \u00e6on",
        "\u0420\u043e\u0441\u0441\u0438\u044f and \u0395\u03bb\u03bb\u03ac\u03b4\u03b1",
        "\ufeffThe end\u200b",
        "a hy\u00adphen\u00adat\u00aded word, evap\u00ado\u00adra\u00adtion",
        "the angle \U0001d6fc and the mass \U0001d45a, so \U0001d438 = \U0001d45a\U0001d450\u00b2",
        "key 1\ufe0f\u20e3, don\u00e2\u0080\u0099t",
        "the mp3, B2B, 80th, 5th, 3rd, 1st, A4, M3, 100K, H1N1, covid19, area51, 4x4, 5pm, win10, step5, 10km",
        "\u0441\u043e \u0434\u0432\u043e\u0440\u0430 \u0438 \u0430 \u0443 \u043d\u0435\u0433\u043e",  # all but two hold look-alikes only
    ],
)
def test_honest_typography_is_no_disguise(measure: Measure, text: str) -> None:
    measured = measure(text)
    disguised = [w for w in measured.words() if Mark.DISGUISED in measured.marks(w)]
    assert disguised == []


def test_a_cyrillic_word_is_russian_beside_russian_and_a_disguise_beside_english(measure: Measure) -> None:
    so = "\u0441\u043e"
    russian = measure(f"The sign said {so} \u0434\u0432\u043e\u0440\u0430, it seems")
    assert russian.marks(so) == Mark.OTHER_SCRIPT
    assert russian.column("ids")[russian.at(so)] == UNKNOWN
    assert Mark.DISGUISED in measure(f"The {so} founders met").marks(so)
    after_a_stop = measure(f"He said \u0434\u0432\u043e\u0440\u0430. {so.upper()} founders met")
    assert Mark.DISGUISED in after_a_stop.marks(so.upper())


@pytest.mark.parametrize(
    ("text", "word", "read"),
    [
        ("The me thod works", "me thod", "method"),
        ("A cre dit card", "cre dit", "credit"),
        ("Your accou nt is open", "accou nt", "account"),
        ("Get m o n e y now", "m o n e y", "money"),
        ("So m o n e y", "m o n e y", "money"),
        ("g e t m o n e y", "m o n e y", "money"),
        ("Get m0n3y now", "m0n3y", "money"),
        ("Get a l0an now", "l0an", "loan"),
        ("th3 loan", "th3", "the"),
    ],
)
def test_broken_words_are_mended(
    measure: Measure, lexicon: LexiconFiles, text: str, word: str, read: str
) -> None:
    measured = measure(text)
    assert measured.column("ids")[measured.at(word)] == lexicon.id_of[read]
    plain = measure(text.replace(word, read))
    assert measured.column("hashes")[measured.at(word)] == plain.column("hashes")[plain.at(read)]


@pytest.mark.parametrize(
    "text",
    [
        "the irs came to wed in tense silence",  # pieces that are words themselves, with frequent ones
        "we met a b q and x j z",
        "me  thod, cre-dit, cre. Dit, cre\ndit",  # not one space between
        "Xiao ping of Wuxi province",
    ],
)
def test_words_that_stand_apart_stay_apart(measure: Measure, text: str) -> None:
    assert all(len(word.split()) == 1 for word in measure(text).words())


def test_marks(measure: Measure) -> None:
    measured = measure('The NASA man, "quoted" (here), a hy\u00adphen and \u4e2d\u6587.\n\nNew one')
    assert measured.marks("The") == Mark.CAPITALISED
    assert measured.marks("NASA") == Mark.CAPITALISED | Mark.ALL_CAPITALS
    assert measured.marks("man") == Mark(0)
    assert measured.marks("quoted") == Mark.COMMA_BEFORE
    assert measured.marks("here") == Mark(0)
    assert measured.marks("a") == Mark.COMMA_BEFORE
    assert measured.marks("hy\u00adphen") == Mark.SOFT_HYPHEN
    assert measured.marks("\u4e2d\u6587") == Mark.OTHER_SCRIPT
    breaks = measured.column("marks")[~measured.is_word()]
    assert [Mark(int(m)) for m in breaks] == [Mark.PARAGRAPH, Mark.PARAGRAPH]


def test_a_new_line_after_a_full_stop_starts_a_paragraph(measure: Measure) -> None:
    measured = measure("It ends.\nNew one. Same one\nTitle")
    marks = measured.column("marks")[~measured.is_word()]
    assert [bool(m & Mark.PARAGRAPH) for m in marks] == [True, True, False, False]


broken_words = st.text(" .\ntheamons015\u0441\u043e\u0434\u00ad\x1f", max_size=80)
"""Where words are mended and taken back: single letters, digits, pieces, look-alikes beside other Cyrillic."""


@given(any_text | broken_words)
def test_any_string_gives_ascending_spans_inside_the_text(measure: Measure, text: str) -> None:
    measured = measure(text)
    ids, starts, ends = (measured.column(name) for name in ("ids", "starts", "ends"))
    assert ids[0] == BREAK
    assert (starts <= ends).all()
    assert (ends[:-1] <= starts[1:]).all()
    assert ends.max() <= len(text)
    words = ids != BREAK
    assert (starts[words] < ends[words]).all()
    assert (starts[~words] == ends[~words]).all()
    assert not (~words[1:] & ~words[:-1]).any(), "two breaks in a row"
    assert all(word == word.strip() and word for word in measured.words())


@given(st.data())
def test_look_alikes_change_neither_ids_nor_spans(measure: Measure, data: st.DataObject) -> None:
    plain = "Secure your money with paypal today and save on every order"
    choices = [st.sampled_from((sign, *LOOKALIKES.get(sign, ""))) for sign in plain]
    text = "".join(data.draw(choice) for choice in choices)
    before, after = measure(plain), measure(text)
    assert after.spans() == before.spans()
    assert after.column("ids").tolist() == before.column("ids").tolist()
    assert (after.column("ids")[1:] >= FIRST_WORD).all()


@given(any_text, any_text)
def test_a_paragraph_is_read_alike_wherever_it_stands(measure: Measure, first: str, second: str) -> None:
    """What stands before a blank line has no influence on the words after it."""
    alone, joined = measure(second), measure(f"{first}\n\n\n{second}")
    words = alone.words()
    assert joined.words()[len(joined.words()) - len(words) :] == words


def test_only_the_second_half_of_a_compound_is_hyphenated(measure: Measure) -> None:
    measured = measure("A well-known man - tall, -thin- and self\u2010made.")
    hyphenated = [w for w in measured.words() if measured.marks(w) & Mark.HYPHENATED]
    assert hyphenated == ["known", "made"]


@pytest.mark.parametrize(
    "address",
    ["http://www.example.org/news/image?id=3", "www.example.org/a-b", "jane.doe@example.org", "x@y"],
)
def test_an_address_is_one_word_unlike_any_other(measure: Measure, address: str) -> None:
    measured = measure(f"Write to <{address}>, or {address} today")
    words = measured.words()
    assert words[-1] == "today"
    # In a mail address the dots before the sign part words, as they do elsewhere.
    addresses = [t for t, word in enumerate(words) if "@" in word or "example" in word]
    hashes = measured.column("hashes")[measured.is_word()][addresses]
    assert len(hashes) == len(set(hashes.tolist())) == 2
