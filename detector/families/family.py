"""What `find_families` gives: a family, its members, the slots that vary between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """What a member has in a slot: [start, end) in its text, code points; empty where the words are left out."""

    slot: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Member:
    """One document. `similarity` in (0, 1] is the share of its content in the same order as in the head's,
    the head's own being 1; `places` are in order of their slots."""

    id: str
    url: str | None
    similarity: float
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """A place that varies: [start, end) in the head's text, and (words, members that have them), most first."""

    start: int
    end: int
    variants: tuple[tuple[str, int], ...]

    def spintax(self, most: int = 6) -> str:
        """`{reduce|minimize|lessen}`, of many variants the `most` frequent and how many more there are."""
        shown = [text for text, _ in self.variants[:most]]
        if len(self.variants) > most:
            shown.append(f"+{len(self.variants) - most}")
        return "{" + "|".join(shown) + "}"


@dataclass(frozen=True, slots=True)
class Family:
    """Versions of one text. `members` start with the head, the one most like the others, whose text is `text`."""

    number: int
    members: tuple[Member, ...]
    slots: tuple[Slot, ...]
    text: str

    def template(self) -> Iterator[str | Slot]:
        """The head's text with its slots in their places."""
        at = 0
        for slot in self.slots:
            yield self.text[at : slot.start]
            yield slot
            at = slot.end
        yield self.text[at:]

    def records(self) -> list[dict[str, Any]]:
        """One JSON object for each member."""
        return [
            {
                "family": self.number,
                "size": len(self.members),
                "id": member.id,
                "url": member.url,
                "similarity": round(member.similarity, 4),
                "slots": [
                    {"slot": place.slot, "start": place.start, "end": place.end, "text": place.text}
                    for place in member.places
                ],
            }
            for member in self.members
        ]
