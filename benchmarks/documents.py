"""The documents that every contender of `speed.py` reads: 3 kB of the written corpus each, 5 % of them flagged."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from detector.scoring import Detector
from detector.training.examples import written_examples

WRITTEN = Path(__file__).parent.parent / "training_data"
SIZE = 3_000
"""Characters of a document."""
EVERY = 20
"""One document in so many is flagged."""


def documents(detector: Detector) -> list[str]:
    """About 500 different documents in a fixed order, every twentieth flagged by `detector`."""
    examples = written_examples(WRITTEN)
    honest = _cut([e.text for e in examples if e.spun == 0])
    spun = _cut([e.text for e in examples if e.spun == 1])
    clean = [t for t, v in zip(honest, detector.score_batch(honest, evidence=False)) if not v.flagged]
    flagged = [t for t, v in zip(spun, detector.score_batch(spun, evidence=False)) if v.flagged]
    groups = min(len(clean) // (EVERY - 1), len(flagged))
    return [
        text for g in range(groups) for text in (flagged[g], *clean[(EVERY - 1) * g : (EVERY - 1) * (g + 1)])
    ]


def _cut(texts: list[str]) -> list[str]:
    """Texts in a random order, joined and cut into documents of SIZE characters at spaces."""
    random.Random(0).shuffle(texts)
    return list(_pieces("\n\n".join(texts)))


def _pieces(text: str) -> Iterator[str]:
    start = 0
    while start + SIZE <= len(text):
        end = text.rindex(" ", start, start + SIZE)
        yield text[start:end]
        start = end + 1


def as_page(text: str, number: int) -> bytes:
    """The document as a web page with what pages have around their text: head, menu, scripts, links, footer."""
    menu = "".join(f'<li><a href="/section/{i}">Section {i}</a></li>' for i in range(20))
    paragraphs = "".join(f'<p class="text">{part}</p>\n' for part in text.split("\n\n"))
    script = "window.settings = {" + ", ".join(f'"key{i}": {i * number}' for i in range(60)) + "};"
    return (
        f"<!doctype html><html><head><meta charset=utf-8><title>Page {number}</title>"
        f'<meta name="description" content="{text[:120]}"><script>{script}</script></head><body>'
        f"<nav><ul>{menu}</ul></nav><main><article><h1>Page {number}</h1>\n{paragraphs}</article></main>"
        f"<aside>{menu}</aside><footer>Page {number}</footer></body></html>"
    ).encode()


def worst_cases(flagged: str) -> dict[str, str]:
    """A piece of each kind of content that might take more than linear time; repeated to any length.
    What must not repeat (all words different) is made by `of_length`."""
    return {
        "one word repeated": "word ",
        "all words different": "",
        "no spaces": "abcdefghij",
        "only punctuation": ".,;:!?()- ",
        "only flagged words": flagged + " ",
        "open braces": "{a|b ",
        "look-alike letters": "w\u043erd \u0430nd ",
        "emoji": "\U0001f600",
    }


def of_length(piece: str, length: int) -> str:
    """`piece` repeated to `length` characters; different words if it is empty."""
    if not piece:
        piece = " ".join(_word(i) for i in range(length // 6 + 1))
    return (piece * (length // len(piece) + 1))[:length]


def _word(number: int) -> str:
    letters = ""
    for _ in range(5):
        number, digit = divmod(number, 26)
        letters += chr(97 + digit)
    return letters
