"""What both reports share: which verdicts they show, what evidence lies where, text made safe to show."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from detector.document import Document
from detector.verdict import Evidence, Verdict

Family = Literal["spun", "stuffed"]
FAMILIES: tuple[Family, ...] = ("spun", "stuffed")
_KIND_NAMES = {
    "swap": "swapped word",
    "phrase": "known spinner phrase",
    "spintax": "spintax left over",
    "disguise": "disguised letters",
    "stuffing": "repeated keyphrase",
}
ABSTENTIONS = {
    "too_short": "too short to tell (fewer than 50 words)",
    "not_english": "not English, so not judged",
}


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy in force: its name, and the probability from which each family counts as spam."""

    name: str
    spun: float
    stuffed: float


@dataclass(frozen=True, slots=True)
class Scored:
    """A verdict with the document that it is about; the text is empty if that could not be read."""

    verdict: Verdict
    document: Document


def family(evidence: Evidence) -> Family:
    """Which of the two probabilities a piece of evidence speaks for: hidden text, like stuffing, is there for
    search engines."""
    return "stuffed" if evidence.kind == "stuffing" or _is_hidden(evidence) else "spun"


def kind_name(evidence: Evidence) -> str:
    """What was found, for people."""
    return "hidden text" if _is_hidden(evidence) else _KIND_NAMES[evidence.kind]


def _is_hidden(evidence: Evidence) -> bool:
    return evidence.kind == "disguise" and evidence.zone == "hidden"


def headline(verdict: Verdict) -> str:
    """One clause that says what was found, for people."""
    if verdict.status == "failed":
        return verdict.error or "could not be read"
    if verdict.status != "scored":
        return ABSTENTIONS[verdict.status]
    names = {"spun": "spun text", "stuffed": "keyword stuffing"}
    what = " and ".join(names.get(reason, reason) for reason in verdict.reasons)
    if verdict.verdict == "spam":
        return f"flagged for {what}"
    return f"possibly {what}" if verdict.verdict == "suspect" else "nothing above the threshold"


def badge(verdict: Verdict) -> str:
    """The verdict in one word: spam, suspect, clean, failed, or unjudged."""
    if verdict.status == "failed":
        return "failed"
    return verdict.verdict or "unjudged"


_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\ufff9-\ufffb]"
)
_JOINERS = re.compile(r"(?<=\w)[\u200c\u200d]|[\u200c\u200d](?=\w)")


def visible(text: str) -> str:
    """The text with nothing that could move a cursor, turn the writing round or stay unseen.

    Control characters become their pictures, invisible ones their code in angle brackets, lone surrogates
    U+FFFD. Tabs and line breaks stay, a carriage return before a line break goes.
    """
    return _JOINERS.sub(_shown, _UNSAFE.sub(_shown, text.replace("\r\n", "\n")))


def _shown(match: re.Match[str]) -> str:
    sign = match.group()
    code = ord(sign)
    if code < 0x20:
        return chr(0x2400 + code)
    if unicodedata.category(sign) == "Cs":
        return "\ufffd"
    return f"\u27e8{code:04X}\u27e9"


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch [start, end) of text under the same evidence; `items` index it, the weightiest first.

    `opens` are the items whose span starts here.
    """

    start: int
    end: int
    items: tuple[int, ...]
    opens: tuple[int, ...]


def runs(length: int, evidence: Sequence[Evidence], cuts: Sequence[int] = ()) -> Iterator[Run]:
    """Cut [0, length) at every border of evidence and at `cuts`: together the runs cover it exactly once.

    Spans may overlap, nest, repeat or reach outside the text; what reaches outside is cut off.
    """
    starts: dict[int, list[int]] = {}
    ends: dict[int, list[int]] = {}
    for i, item in enumerate(evidence):
        start, end = max(item.start, 0), min(item.end, length)
        if start < end:
            starts.setdefault(start, []).append(i)
            ends.setdefault(end, []).append(i)
    inner = (cut for cut in cuts if 0 <= cut <= length)
    borders = sorted({0, length, *starts, *ends, *inner})
    active: set[int] = set()
    for start, end in pairwise(borders):
        active.difference_update(ends.get(start, ()))
        opens = starts.get(start, [])
        active.update(opens)
        items = sorted(active, key=lambda i: (-evidence[i].weight, i))
        yield Run(start, end, tuple(items), tuple(i for i in items if i in opens))


@dataclass(frozen=True, slots=True)
class Finding:
    """All places with the same words and suggestion: a row of the report's table."""

    kind: str
    text: str
    suggestion: str | None
    weight: float
    places: tuple[int, ...]


def findings(evidence: Sequence[Evidence]) -> list[Finding]:
    """Evidence grouped by kind, words and suggestion, the weightiest group first; `places` index it."""
    groups: dict[tuple[str, str, str | None], list[int]] = {}
    for i, item in enumerate(evidence):
        words = " ".join(item.text.lower().split())
        groups.setdefault((item.kind, words, item.suggestion), []).append(i)
    found = [
        Finding(
            kind, evidence[places[0]].text, suggestion, sum(evidence[i].weight for i in places), tuple(places)
        )
        for (kind, _, suggestion), places in groups.items()
    ]
    return sorted(found, key=lambda finding: -finding.weight)


def percent(value: float) -> str:
    """A probability for people: "97 %", never a rounded-up "100 %" or a rounded-down "0 %"."""
    if 0.0 < value < 0.01:
        return "< 1 %"
    return "> 99 %" if 0.99 < value < 1.0 else f"{100 * value:.0f} %"


def threshold_percent(value: float) -> str:
    """A threshold for people, with a decimal near the ends."""
    return f"{100 * value:.3g} %"
