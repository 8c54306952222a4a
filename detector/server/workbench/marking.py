"""Words of a text that can be marked one by one, and marked words as the spans of a label."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from detector.report.html import MEDIUM
from detector.report.places import Scored, family
from detector.verdict import Evidence

MAX_WORDS = 3000
"""Words of a text that can be marked; each is a field of a form."""
WORD = re.compile(r"\w+(?:['\u2019-]\w+)*")
_SPAN = re.compile(r"(\d{1,7})-(\d{1,7})", re.ASCII)
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text; `span` is its place in code points if it is a word that can be marked, `hint` what
    the detector would put there, None where it saw nothing of weight."""

    text: str
    span: Span | None = None
    marked: bool = False
    hint: str | None = None

    @property
    def value(self) -> str:
        """The place as the form sends it."""
        return "-".join(map(str, self.span or ()))


def pieces(scored: Scored, marked: Sequence[Span]) -> Iterator[Piece]:
    """The text cut into words and what lies between; together the whole of it."""
    text = scored.document.text
    spun = [item for item in scored.verdict.evidence if family(item) == "spun"]
    least = MEDIUM * max((item.weight for item in spun), default=0.0)
    seen = sorted((item for item in spun if item.weight >= least), key=lambda item: item.start)
    at = 0
    for count, match in enumerate(WORD.finditer(text)):
        if count == MAX_WORDS:
            break
        start, end = match.span()
        if start > at:
            yield Piece(text[at:start])
        known = any(a <= start and end <= b for a, b in marked)
        yield Piece(match.group(), (start, end), known, _hint(seen, start, end))
        at = end
    if at < len(text):
        yield Piece(text[at:])


def _hint(seen: list[Evidence], start: int, end: int) -> str | None:
    while seen and seen[0].end <= start:
        seen.pop(0)
    if not seen or seen[0].start >= end:
        return None
    return seen[0].suggestion or ""


def read_spans(values: Iterable[str], text: str) -> tuple[Span, ...]:
    """The spans that a form sends, neighbouring words joined. Raises ValueError for what is none."""
    found = []
    for value in values:
        match = _SPAN.fullmatch(value)
        start, end = (int(match[1]), int(match[2])) if match else (0, 0)
        if not 0 <= start < end <= len(text):
            raise ValueError(f"{value[:20]!r} is no place in a text of {len(text):,} characters")
        found.append((start, end))
    joined: list[Span] = []
    for start, end in sorted(found):
        if joined and not WORD.search(text[joined[-1][1] : start]):
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
