"""Verdicts made by hand for the reports: one of each kind, and hypothesis strategies for any."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from detector.document import Document, Zone, ZoneKind
from detector.report.places import Policy, Scored
from detector.verdict import Evidence, Verdict
from tests.strategies import any_text

POLICY = Policy("balanced", 0.92, 0.5)
TEXT = "Cheap fridge Leeds\n\nThe cool closet is strong sufficient to hold a cheap fridge Leeds & <more>."
MODEL = "test@1.0#01234567"


def at(words: str, kind: str = "swap", suggestion: str | None = None, weight: float = 0.1) -> Evidence:
    start = TEXT.index(words)
    return Evidence(kind, start, start + len(words), words, suggestion, weight)  # type: ignore[arg-type]


SPAM = Scored(
    Verdict(
        "pages/fridge.txt", "scored", 16, MODEL, "https://example.org/?a=1&b=2", 0.97, 0.62, "spam", ("spun", "stuffed"),
        (
            at("cool closet", "phrase", "fridge", 0.6),
            at("strong sufficient", "swap", "strong enough", 0.3),
            at("sufficient to", "swap", "enough to", 0.07),
            at("Cheap fridge Leeds", "stuffing", None, 0.31),
            at("cheap fridge Leeds", "stuffing", None, 0.31),
        ),
    ),
    Document(TEXT, "pages/fridge.txt", None, (Zone(ZoneKind.TITLE, 0, 18),)),
)  # fmt: skip
CLEAN = Scored(
    Verdict("clean.txt", "scored", 60, MODEL, spun=0.02, stuffed=0.004, verdict="clean", evidence=(at("The cool", weight=0.02),)),
    Document(TEXT, "clean.txt"),
)  # fmt: skip
SUSPECT = Scored(
    replace(CLEAN.verdict, id="s", verdict="suspect", spun=0.8, reasons=("spun",)), CLEAN.document
)
SHORT = Scored(Verdict("short.txt", "too_short", 2, MODEL), Document("Too short.", "short.txt"))
GERMAN = Scored(
    Verdict("de.txt", "not_english", 80, MODEL, truncated=True), Document("Der Zug " * 40, "de.txt")
)
FAILED = Scored(
    Verdict("gone.txt", "failed", 0, MODEL, error="no such file or directory: check the path"), Document("")
)
ALL = (SPAM, CLEAN, SUSPECT, SHORT, GERMAN, FAILED)

kinds = st.sampled_from(["swap", "phrase", "stuffing", "disguise", "spintax"])
weights = st.floats(0, 1)


@st.composite
def scored_documents(draw: st.DrawFn) -> Scored:
    """Any text, with evidence and zones anywhere in it: overlapping, nested, empty, past its end."""
    text = draw(any_text)
    places = st.integers(0, len(text) + 3)
    evidence = []
    for kind, a, b, suggestion, weight in draw(
        st.lists(st.tuples(kinds, places, places, st.none() | any_text, weights), max_size=8)
    ):
        start, end = sorted((a, b))
        evidence.append(Evidence(kind, start, end, text[start:end], suggestion, weight))
    borders = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    zones = tuple(
        Zone(draw(st.sampled_from(list(ZoneKind))), start, end)
        for start, end in zip(borders[::2], borders[1::2], strict=False)
    )
    reasons = draw(st.sampled_from([(), ("spun",), ("stuffed",), ("spun", "stuffed")]))
    verdict = Verdict(
        draw(any_text), "scored", 60, draw(any_text), draw(st.none() | any_text), draw(weights), draw(weights),
        "spam" if reasons else "clean", reasons, tuple(evidence),
    )  # fmt: skip
    return Scored(verdict, Document(text, verdict.id, None, zones))
