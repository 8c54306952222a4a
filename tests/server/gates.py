"""A detector that waits until it is let go, so that queues and deadlines can be seen without a clock."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from detector.document import Document
from detector.scoring import Detector
from detector.verdict import Verdict
from tests.server.live import PATIENCE, Live


class Gate:
    """Stands in for a detector; `open` lets it score, `entered` tells that a thread waits."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.open = threading.Event()
        self.entered = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._detector, name)

    def score_batch(self, documents: Iterable[Document], evidence: bool) -> Iterator[Verdict]:
        documents = list(documents)
        if documents:
            self.entered.set()
            assert self.open.wait(PATIENCE)
        return self._detector.score_batch(documents, evidence)


@contextmanager
def gated(live: Live) -> Iterator[Gate]:
    """Put a gate into a server of this process; it is open at the end."""
    assert live.service is not None
    before = live.service.live.detector
    assert before is not None
    gate = Gate(before)
    live.service.live.detector = gate  # type: ignore[assignment]
    try:
        yield gate
    finally:
        gate.open.set()
        live.service.live.detector = before
