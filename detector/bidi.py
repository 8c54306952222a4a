"""Text stored backwards: between a right-to-left override (U+202E) and its end, what is stored as "yenom" is
displayed as "money" (Unicode Annex 9; the trick of "Trojan Source", Boucher and Anderson 2023).

A document is scored as it displays. Lengths stay, so that evidence is mapped back by arithmetic.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace

from detector.document import Document
from detector.verdict import Evidence

OVERRIDE = "\u202e"
_RUN = re.compile(f"{OVERRIDE}([^{OVERRIDE}\u202c\n\u2029]+)")
"""An override and what it turns round: up to its end, another override, or the end of the paragraph."""


def as_displayed(document: Document) -> Document:
    """The document with each overridden run in reading order; the same object if there is none.

    The override itself then stands after the first letter, where the tokenizer takes it for what it is: an
    invisible sign inside a word.
    """
    if OVERRIDE not in document.text:
        return document
    text = _RUN.sub(lambda run: f"{run[1][-1]}{OVERRIDE}{run[1][-2::-1]}", document.text)
    return Document(text, document.id, document.url, document.zones)


def as_stored(document: Document, evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """Evidence on `as_displayed(document)`, moved to where it stands in `document`."""
    runs = [run.span(1) for run in _RUN.finditer(document.text)]
    begins = [start - 1 for start, _ in runs]

    def run_at(point: int) -> tuple[int, int] | None:
        i = bisect_right(begins, point) - 1
        return runs[i] if i >= 0 and point < runs[i][1] else None

    def place(item: Evidence) -> Evidence:
        first, last = run_at(item.start), run_at(item.end - 1)
        if first and first == last:
            low, high = first
            start, end = low + high - max(item.end, low + 1), low + high - max(item.start, low)
        else:
            start, end = first[0] if first else item.start, last[1] if last else item.end
        return replace(item, start=start, end=end, text=document.text[start:end])

    return tuple(map(place, evidence))
