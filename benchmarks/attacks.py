"""Attacks on a page: what a spammer who reads this code would try, each at several strengths.

An attack is a function (text, strength in (0, 1], rng) -> text, or -> HTML markup for those that live in the
page's code. The strength is the share of words, letters or gaps that are changed; for padding, how much clean
text is added, in lengths of the page.
"""

from __future__ import annotations

import html
import random
import re
from collections.abc import Callable
from dataclasses import dataclass

Attack = Callable[[str, float, random.Random], str]
WORD = re.compile(r"[A-Za-z]+(?:['’][a-z]+)?")
CYRILLIC = str.maketrans("aceopxyijsABCEHIJKMOPSTXY", "асеорхуіјѕАВСЕНІЈКМОРЅТХУ")
GREEK = str.maketrans(
    "aeiknoptuvxyABEHIKMNOPTXYZ", "αειкnορτυνχγΑΒΕΗΙΚΜΝΟΡΤΧΥΖ".replace("к", "κ").replace("n", "η")
)
SMALL_CAPITALS = str.maketrans("abcdefghijklmnoprstuvwyz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ")
LEET = str.maketrans("aeiost", "431057")
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u180e\u034f\ufe0f\u2063"
MARKS = "\u0301\u0308\u0323\u0336\u0338\u20dd"
WIDE_SPACES = "\u00a0\u2003\u2009\u3000\u202f\u2007"
CONTROLS = "\x01\x02\x08\x0e\x1f\x7f"
LAYOUT = re.compile(r"(?<=\w) (?=\w)")
SENTENCE = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True)
class Kind:
    """An attack with the strengths at which it is tried. `markup`: it makes HTML. `characters`: it leaves the
    words as a reader reads them, so that it must not help."""

    name: str
    apply: Attack
    strengths: tuple[float, ...]
    markup: bool = False
    characters: bool = False


def words(text: str, share: float, rng: random.Random, change: Callable[[str], str], least: int = 1) -> str:
    """`change` a share of the words of at least `least` letters."""

    def one(match: re.Match[str]) -> str:
        word = match.group()
        return change(word) if len(word) >= least and rng.random() < share else word

    return WORD.sub(one, text)


def inside(signs: str, each: bool = False) -> Attack:
    """Put one of these signs between two letters of a share of the words, or after each letter of them."""

    def attack(text: str, strength: float, rng: random.Random) -> str:
        def change(word: str) -> str:
            if each:
                return "".join(letter + rng.choice(signs) for letter in word[:-1]) + word[-1]
            at = rng.randrange(1, len(word))
            return word[:at] + rng.choice(signs) + word[at:]

        return words(text, strength, rng, change, least=2)

    return attack


def letters(table: dict[int, int]) -> Attack:
    """Exchange the letters of a share of the words by look-alikes."""
    return lambda text, strength, rng: words(text, strength, rng, lambda word: word.translate(table))


def styled(first_capital: int, first_small: int) -> Attack:
    """Another alphabet of Unicode: full-width, mathematical bold, double-struck ..."""
    table = {ord("A") + i: first_capital + i for i in range(26)} | {
        ord("a") + i: first_small + i for i in range(26)
    }
    return letters(table)


def reversed_run(text: str, strength: float, rng: random.Random) -> str:
    """Store words backwards between a right-to-left override and its end: they display as before."""
    return words(text, strength, rng, lambda word: f"\u202e{word[::-1]}\u202c", least=2)


def reversed_lines(text: str, strength: float, rng: random.Random) -> str:
    """Store sentences, or their part of a line, backwards between a right-to-left override and its end."""
    parts = re.split(f"({SENTENCE.pattern}|\n+)", text)
    return "".join(
        f"\u202e{part[::-1]}\u202c" if part.strip() and rng.random() < strength else part for part in parts
    )


def bidi_marks(text: str, strength: float, rng: random.Random) -> str:
    """Marks of direction around words, which change nothing to see."""
    return words(text, strength, rng, lambda word: f"\u202d{word}\u202c")


def spaces(signs: str) -> Attack:
    """Exchange a share of the spaces between words."""
    return lambda text, strength, rng: LAYOUT.sub(
        lambda _: rng.choice(signs) if rng.random() < strength else " ", text
    )


def gaps(sign: str) -> Attack:
    """Put a sign instead of a share of the spaces between words."""
    return lambda text, strength, rng: LAYOUT.sub(lambda _: sign if rng.random() < strength else " ", text)


def split_words(text: str, strength: float, rng: random.Random) -> str:
    """A space inside a share of the longer words."""

    def change(word: str) -> str:
        at = rng.randrange(2, len(word) - 1)
        return f"{word[:at]} {word[at:]}"

    return words(text, strength, rng, change, least=5)


def spaced_letters(text: str, strength: float, rng: random.Random) -> str:
    """w r i t t e n  like this."""
    return words(text, strength, rng, lambda word: " ".join(word), least=3)


def joined_words(text: str, strength: float, rng: random.Random) -> str:
    """A share of the spaces between words left out."""
    return LAYOUT.sub(lambda _: "" if rng.random() < strength else " ", text)


def misspell(text: str, strength: float, rng: random.Random) -> str:
    """A letter exchanged with the next, doubled, left out or replaced, in a share of the longer words."""

    def change(word: str) -> str:
        at = rng.randrange(1, len(word) - 2)
        kind = rng.randrange(4)
        if kind == 0:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        if kind == 1:
            return word[:at] + word[at] + word[at:]
        return word[:at] + ("" if kind == 2 else rng.choice("aeiorstn")) + word[at + 1 :]

    return words(text, strength, rng, change, least=4)


def mixed_case(text: str, strength: float, rng: random.Random) -> str:
    """rAndOm cAsE in a share of the words."""
    return words(text, strength, rng, lambda word: "".join(rng.choice((c.lower(), c.upper())) for c in word))


def upper(text: str, strength: float, rng: random.Random) -> str:
    """A share of the sentences in capitals."""
    return " ".join(s.upper() if rng.random() < strength else s for s in SENTENCE.split(text))


def lower(text: str, strength: float, rng: random.Random) -> str:
    """A share of the sentences without capitals."""
    return " ".join(s.lower() if rng.random() < strength else s for s in SENTENCE.split(text))


def titled(text: str, strength: float, rng: random.Random) -> str:
    """A share of the words capitalised."""
    return words(text, strength, rng, str.capitalize)


def shuffle_sentences(text: str, strength: float, rng: random.Random) -> str:
    """A share of the sentences in random order."""
    parts = SENTENCE.split(text)
    chosen = [i for i in range(len(parts)) if rng.random() < strength]
    order = rng.sample(chosen, len(chosen))
    moved = dict(zip(chosen, order, strict=True))
    return " ".join(parts[moved.get(i, i)] for i in range(len(parts)))


def no_articles(text: str, strength: float, rng: random.Random) -> str:
    """A share of the articles left out."""
    return re.sub(r"\b(?:the|an?) (?=\w)", lambda m: "" if rng.random() < strength else m.group(), text)


def numbers(text: str, strength: float, rng: random.Random) -> str:
    """Numbers between words, instead of a share of the gaps."""
    return LAYOUT.sub(lambda _: f" {rng.randrange(1, 10_000)} " if rng.random() < strength else " ", text)


def punctuation(text: str, strength: float, rng: random.Random) -> str:
    """Signs between words, instead of a share of the gaps."""
    return LAYOUT.sub(
        lambda _: (
            rng.choice((", ", "; ", " - ", " / ", ". ", ": ", " * ")) if rng.random() < strength else " "
        ),
        text,
    )


# Attacks in the page's code


def page(body: str) -> str:
    """A plain page around this markup."""
    return (
        "<!doctype html><html><head><meta charset=utf-8><title>Page</title><style>.x1{display:none}</style></head>"
        f"<body><main><article>{body}</article></main></body></html>"
    )


def paragraphs(text: str) -> str:
    """The text's paragraphs as elements."""
    parts = [part for part in text.split("\n\n") if part.strip()]
    return "".join(f"<p>{html.escape(part)}</p>" for part in parts)


def plain_page(text: str, strength: float, rng: random.Random) -> str:
    """No attack: what the others are measured against."""
    return page(paragraphs(text))


def tagged(*pieces: str) -> Attack:
    """One of these pieces of markup inside a share of the words."""

    def attack(text: str, strength: float, rng: random.Random) -> str:
        def change(word: str) -> str:
            at = rng.randrange(1, len(word))
            return word[:at] + f"\0{rng.randrange(len(pieces))}\0" + word[at:]

        marked = paragraphs(words(text, strength, rng, change, least=2))
        return page(re.sub("\0(\\d+)\0", lambda m: pieces[int(m.group(1))], marked))

    return attack


def entities(text: str, strength: float, rng: random.Random) -> str:
    """A share of the words as character references."""

    def encode(word: str) -> str:
        return "".join(rng.choice((f"&#{ord(c)};", f"&#x{ord(c):X};", c)) for c in word)

    marked = paragraphs(words(text, strength, rng, lambda word: f"\0{word}\1"))
    return page(re.sub("\0([^\1]*)\1", lambda m: encode(m.group(1)), marked))


def wrapped(before: str, after: str, pool: list[str]) -> Attack:
    """Clean text in an element that is not seen, after each paragraph; `strength` lengths of the page."""

    def attack(text: str, strength: float, rng: random.Random) -> str:
        parts = [part for part in text.split("\n\n") if part.strip()]
        wanted = int(strength * len(text.split()) / len(parts))
        hidden = (f"{before}{html.escape(clean(pool, wanted, rng))}{after}" for _ in parts)
        return page("".join(f"<p>{html.escape(p)}</p>{h}" for p, h in zip(parts, hidden, strict=True)))

    return attack


def mirrored(text: str, strength: float, rng: random.Random) -> str:
    """Words backwards in an element that turns them round again."""
    marked = paragraphs(words(text, strength, rng, lambda word: f"\0{word[::-1]}\1", least=2))
    return page(marked.replace("\0", "<bdo dir=rtl>").replace("\1", "</bdo>"))


# Padding


def clean(pool: list[str], wanted: int, rng: random.Random) -> str:
    """About `wanted` words of clean text, in whole sentences."""
    taken: list[str] = []
    count = 0
    while count < wanted:
        for sentence in SENTENCE.split(rng.choice(pool)):
            taken.append(" ".join(sentence.split()))
            count += len(sentence.split())
            if count >= wanted:
                break
    return " ".join(taken)


def padded(pool: list[str], place: str) -> Attack:
    """`strength` lengths of clean text before, after or between the paragraphs or sentences."""

    def attack(text: str, strength: float, rng: random.Random) -> str:
        wanted = int(strength * len(text.split()))
        if place == "before":
            return f"{clean(pool, wanted, rng)}\n\n{text}"
        if place == "after":
            return f"{text}\n\n{clean(pool, wanted, rng)}"
        parts = SENTENCE.split(text)
        filler = SENTENCE.split(clean(pool, wanted, rng))
        order = sorted(
            [(i / len(parts), 0, s) for i, s in enumerate(parts)]
            + [(i / len(filler), 1, s) for i, s in enumerate(filler)]
        )
        return " ".join(sentence for _, _, sentence in order)

    return attack


def dictionary(vocabulary: list[str]) -> Attack:
    """A list of words at the end, `strength` lengths of the page."""
    return lambda text, strength, rng: (
        f"{text}\n\n{' '.join(rng.choices(vocabulary, k=int(strength * len(text.split()))))}"
    )


def attacks(pool: list[str], vocabulary: list[str]) -> list[Kind]:
    """All attacks; `pool` holds clean texts to pad with, `vocabulary` the words of a dictionary."""
    some, most = (0.1, 0.3, 1.0), (0.3, 1.0)
    lengths = (0.5, 1.0, 2.0)
    hidden = {
        "display:none": ("<div style='display:none'>", "</div>"),
        "hidden attribute": ("<div hidden>", "</div>"),
        "visibility": ("<span style='visibility: hidden'>", "</span>"),
        "zero size": ("<p style='font-size:0px'>", "</p>"),
        "off the page": ("<div style='position:absolute;left:-9999px'>", "</div>"),
        "class in the page's style": ("<div class=x1>", "</div>"),
        "colour of the ground": ("<p style='color:#fff;background:#fff'>", "</p>"),
    }
    return [
        Kind("Cyrillic letters", letters(CYRILLIC), some, characters=True),
        Kind("Greek letters", letters(GREEK), some, characters=True),
        Kind("mathematical bold", styled(0x1D400, 0x1D41A), some, characters=True),
        Kind("mathematical script", styled(0x1D4D0, 0x1D4EA), most, characters=True),
        Kind("circled letters", styled(0x24B6, 0x24D0), most, characters=True),
        Kind("small capitals", letters(SMALL_CAPITALS), most, characters=True),
        Kind("full-width", styled(0xFF21, 0xFF41), some, characters=True),
        Kind("zero-width inside words", inside(INVISIBLE), some, characters=True),
        Kind("zero-width after each letter", inside(INVISIBLE, each=True), most, characters=True),
        Kind("soft hyphens inside words", inside("\u00ad"), some, characters=True),
        Kind("soft hyphens after each letter", inside("\u00ad", each=True), most, characters=True),
        Kind("control characters inside words", inside(CONTROLS), most, characters=True),
        Kind("accents and strokes", inside(MARKS), most, characters=True),
        Kind("words stored backwards (RLO)", reversed_run, some, characters=True),
        Kind("sentences stored backwards (RLO)", reversed_lines, most, characters=True),
        Kind("direction marks", bidi_marks, most, characters=True),
        Kind("other spaces", spaces(WIDE_SPACES), most, characters=True),
        Kind("double spaces, tabs", gaps(" \t "), most, characters=True),
        Kind("line breaks", gaps("\n"), (0.1, 0.3, 1.0), characters=True),
        Kind("blank lines", gaps("\n\n"), (0.05, 0.1, 0.3), characters=True),
        Kind("spaces inside words", split_words, some, characters=True),
        Kind("spaced letters", spaced_letters, some, characters=True),
        Kind("words joined", joined_words, (0.05, 0.1, 0.3)),
        Kind("digits for letters", letters(LEET), some, characters=True),
        Kind("misspelling", misspell, (0.05, 0.1, 0.3)),
        Kind("random case", mixed_case, some, characters=True),
        Kind("capitals", upper, most, characters=True),
        Kind("no capitals", lower, most, characters=True),
        Kind("each word capitalised", titled, most, characters=True),
        Kind("sentences shuffled", shuffle_sentences, most),
        Kind("articles left out", no_articles, most),
        Kind("numbers between words", numbers, (0.05, 0.1, 0.3), characters=True),
        Kind("signs between words", punctuation, (0.05, 0.1, 0.3), characters=True),
        Kind("clean text before", padded(pool, "before"), lengths),
        Kind("clean text after", padded(pool, "after"), lengths),
        Kind("clean sentences between", padded(pool, "between"), lengths),
        Kind("a dictionary after", dictionary(vocabulary), lengths),
        Kind("plain page", plain_page, (1.0,), markup=True, characters=True),
        Kind("tags inside words", tagged("<b></b>", "<span class=q></span>", "</i><i>", "<wbr>"), some, markup=True, characters=True),
        Kind("comments inside words", tagged("<!-- x -->", "<!--the of and-->"), most, markup=True, characters=True),
        Kind("empty elements inside words", tagged("<span style='display:none'>q</span>", "<script>1</script>"), most, markup=True, characters=True),
        Kind("entities", entities, most, markup=True, characters=True),
        Kind("words mirrored by markup", mirrored, most, markup=True, characters=True),
        *(
            Kind(f"hidden clean text: {name}", wrapped(before, after, pool), (1.0, 3.0), markup=True, characters=True)
            for name, (before, after) in hidden.items()
        ),
        Kind("hidden clean text: transparent", wrapped("<p style='opacity:0'>", "</p>", pool), (1.0, 3.0), markup=True),
        Kind("clean text in a comment", wrapped("<!--", "-->", pool), (3.0,), markup=True, characters=True),
    ]  # fmt: skip
