"""The document: what readers make and the detector scores.

One text and its zones. For plain text there is one zone, the body. A page's text is its title, main text
and the bits that search engines read (description, alt texts), one after the other, so that every piece
of evidence has one kind of offset: code points into `Document.text`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum


class ZoneKind(IntEnum):
    """Where in a page a stretch of text stands."""

    BODY = 0
    HEADING = 1
    TITLE = 2
    META = 3
    ANCHOR = 4
    ALT = 5
    HIDDEN = 6


PROSE = (ZoneKind.BODY, ZoneKind.HEADING, ZoneKind.ANCHOR)
"""Where spinning is judged."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A stretch of a document's text, [start, end) in code points. What no zone covers is body.

    `target` is where an anchor, or a heading that is one, leads: the `href` as the page has it.
    """

    kind: ZoneKind
    start: int
    end: int
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A text to score. `zones` are in order of `start`, inside the text, and do not overlap."""

    text: str
    id: str = "-"
    url: str | None = None
    zones: tuple[Zone, ...] = field(default=())

    @classmethod
    def from_parts(cls, parts: list[tuple[ZoneKind, str]], id: str = "-", url: str | None = None) -> Document:
        """Join parts with blank lines and note where each lies; empty parts are left out."""
        text: list[str] = []
        zones: list[Zone] = []
        at = 0
        for kind, part in parts:
            if part.strip():
                if text:
                    text.append("\n\n")
                    at += 2
                if kind is not ZoneKind.BODY:
                    zones.append(Zone(kind, at, at + len(part)))
                text.append(part)
                at += len(part)
        return cls("".join(text), id, url, tuple(zones))
