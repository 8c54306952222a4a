"""Scoring records as readers give them: documents are scored, failures pass in their place."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from detector.document import Document
from detector.readers import Record
from detector.report.places import Scored
from detector.scoring import Detector


def score_records(
    detector: Detector, records: Iterable[Record], evidence: bool, jobs: int = 1
) -> Iterator[Scored]:
    """Score records as they come, in order; a failure becomes a verdict with status "failed".

    A failure passes through the batches as an empty document, so that order needs no second look and memory
    stays flat however many there are.
    """
    pending: deque[Record] = deque()

    def feed() -> Iterator[Document]:
        for record in records:
            pending.append(record)
            yield record if isinstance(record, Document) else Document("", record.id)

    for verdict in detector.score_batch(feed(), evidence, jobs):
        record = pending.popleft()
        if isinstance(record, Document):
            yield Scored(verdict, record)
        else:
            failed = replace(verdict, status="failed", url=record.url, error=record.reason)
            yield Scored(failed, Document("", record.id, record.url))
