"""What must hold whatever comes in; for the property tests and the fuzz targets alike. Each raises
AssertionError."""

from __future__ import annotations

import io
from collections.abc import Iterable

from detector.document import Document
from detector.labels.formats import Item, Line
from detector.lexicon.tables import BREAK
from detector.readers import Failure
from detector.readers.base import Reader, Record
from detector.readers.html import extract
from detector.tokens import Tokens
from detector.verdict import Evidence, Verdict


def read_bytes(reader: Reader, data: bytes) -> list[Record]:
    """All records that a reader finds in these bytes."""
    found = reader(io.BufferedReader(io.BytesIO(data)), "f")  # type: ignore[arg-type]
    records = [extract(record) for record in found]
    for record in records:
        check_record(record)
    return records


def check_record(record: Record) -> None:
    """A document with zones in order, inside and apart, or a failure with a reason."""
    assert isinstance(record.id, str)
    if isinstance(record, Failure):
        assert record.reason.strip()
        return
    assert isinstance(record, Document)
    at = 0
    for zone in record.zones:
        assert at <= zone.start <= zone.end <= len(record.text)
        at = zone.end


def check_labels(items: Iterable[Item]) -> None:
    """Labels of 0 or 1 with spans inside their text, or failures with a reason."""
    for item in items:
        if isinstance(item, Line):
            assert {item.label.spun, item.label.stuffed} <= {0, 1, None}
            assert all(0 <= start < end <= len(item.label.text) for start, end in item.label.spans or ())
        else:
            assert item.reason.strip()


def check_verdict(verdict: Verdict, text: str) -> None:
    """A verdict with probabilities in [0, 1] and evidence inside the text, or an abstention without both."""
    if verdict.status != "scored":
        assert verdict.status in ("too_short", "not_english")
        assert (verdict.spun, verdict.stuffed, verdict.verdict, verdict.evidence) == (None, None, None, ())
        return
    assert verdict.spun is not None
    assert verdict.stuffed is not None
    assert 0.0 <= verdict.spun <= 1.0
    assert 0.0 <= verdict.stuffed <= 1.0
    assert verdict.verdict in ("spam", "suspect", "clean")
    for item in verdict.evidence:
        assert 0 <= item.start < item.end <= len(text)
        assert text[item.start : item.end] == item.text
        assert item.weight >= 0.0
    for stuffing, whole in ((True, verdict.stuffed), (False, verdict.spun)):
        weights = [item.weight for item in verdict.evidence if _is_of_stuffing(item) == stuffing]
        assert not weights or abs(sum(weights) - whole) < 1e-6


def _is_of_stuffing(item: Evidence) -> bool:
    return item.kind == "stuffing" or (item.kind == "disguise" and item.zone == "hidden")


def check_tokens(tokens: Tokens, count: int, text: str) -> None:
    """Spans in order, inside the text and apart; none for a break, at least a sign for a word."""
    assert 1 <= count <= len(tokens.ids)
    at = 0
    for id, start, end in zip(
        *(column[:count].tolist() for column in (tokens.ids, tokens.starts, tokens.ends)), strict=True
    ):
        assert at <= start <= end <= len(text)
        assert (start == end) == (id == BREAK)
        at = end
