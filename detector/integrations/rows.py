"""What the adapters share: the values of a field -> verdicts -> the columns that are added to a row.

A value is text, or a page's markup (told by its first characters, as on standard input), as `str` or `bytes`.
Nothing raises for what a row holds: what can't be read is a verdict with status "failed" and its reason.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from io import BufferedReader, BytesIO
from typing import Any

from detector.document import Document
from detector.readers import FORMATS, Failure, Record, extract
from detector.readers.encoding import SAMPLE
from detector.readers.sources import sniff
from detector.scoring import Detector, load
from detector.verdict import Verdict

COLUMNS = ("status", "spun", "stuffed", "verdict", "reasons", "words", "truncated", "error", "model")
"""What is added to a row; `docs/verdict.schema.json` says what each means."""
PREFIX = "detector_"
"""Of the added columns where rows are flat: crawled tables have columns called `status` of their own."""
BATCH_ROWS = 128
"""Rows handed over at once where an engine lets us choose: what the kernel takes at once."""


@cache
def process_detector(model: str | None, policy: str) -> Detector:
    """The one detector of this worker process. Raises ValueError as `load` does."""
    return load(model, policy)


def score_values(detector: Detector, values: Iterable[Any]) -> Iterator[Verdict]:
    """One verdict per value, in order."""
    records = [to_record(value) for value in values]
    documents = (record if isinstance(record, Document) else Document("") for record in records)
    for record, verdict in zip(records, detector.score_batch(documents, evidence=False), strict=True):
        if isinstance(record, Document):
            yield verdict
        else:
            yield replace(verdict, status="failed", error=record.reason)


def to_record(value: Any) -> Record:
    """The document that a field's value holds."""
    if isinstance(value, str):
        if sniff(value[:SAMPLE].encode("utf-8", "surrogatepass")).name != "html":
            return Document(value)
        # The mark says that the characters are known, whatever charset the markup declares.
        value = codecs.BOM_UTF8 + value.encode("utf-8", "surrogatepass")
    if not isinstance(value, bytes):
        return Failure("-", f"expected text or a page, got {type(value).__name__}")
    name = "html" if sniff(value[:SAMPLE]).name == "html" else "text"
    return extract(next(FORMATS[name].read(BufferedReader(BytesIO(value)), "-")))  # type: ignore[arg-type]


def columns(verdict: Verdict) -> dict[str, Any]:
    """{column: value} of a verdict, every column present, rounded as the command line does."""
    record = {"truncated": False, "error": None, **verdict.to_dict()}
    return {name: record[name] for name in COLUMNS}
