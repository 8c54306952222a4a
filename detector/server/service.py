"""What all requests of one application share: the model, the batcher, the memory, the figures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from detector.readers import Failure
from detector.scoring import Detector
from detector.server.batching import Batcher
from detector.server.body import Memory
from detector.server.metrics import Metrics
from detector.server.pages import Page, Scored, failed, score_pages
from detector.server.problems import ProblemError
from detector.server.reload import LiveModel
from detector.server.settings import Settings


class Service:
    """Made once, inside the event loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.on_stop: list[Callable[[], None]] = []
        """What else has to end with the service; may take a while."""
        self.live = LiveModel(settings, self.metrics.model_event)
        self.memory = Memory(settings.limits.queue_bytes)
        self.batcher: Batcher[Page, Scored] = Batcher(
            lambda pages: score_pages(self.detector, pages),
            lambda page: len(page.content),
            settings.jobs,
            settings.limits.queue_documents,
            settings.limits.seconds / 4,  # the machine may become slower meanwhile
            self.metrics.batch.observe,
        )

    @property
    def detector(self) -> Detector:
        """The one in use. Raises ProblemError 503 while the first one is being loaded."""
        if self.live.detector is None:
            raise ProblemError(503, "loading", "the model is being loaded", {"retry-after": "5"})
        return self.live.detector

    async def score(self, pages: Sequence[Page]) -> tuple[list[Scored], bool]:
        """The results in order, and whether all were scored before the deadline.

        Raises ProblemError 429 if the queue is full, 503 while the model is loading.
        """
        self.detector  # noqa: B018  (raises while there is none)
        futures = self.batcher.submit(pages, owner=object())
        if futures:
            await asyncio.wait(futures, timeout=self.settings.limits.seconds)
        late = [not future.done() for future in futures]
        for future in futures:
            future.cancel()
        results = [
            self.late(page) if is_late else self.counted(future.result())
            for page, future, is_late in zip(pages, futures, late, strict=True)
        ]
        return results, not any(late)

    def late(self, page: Page) -> Scored:
        """The record of a document whose turn did not come in time."""
        reason = f"not scored within {self.settings.limits.seconds:g} s: send it again, or fewer at a time"
        self.metrics.documents.labels("late").inc()
        return Scored(failed(self.detector, Failure(page.id, reason, page.url)), "")

    def counted(self, scored: Scored) -> Scored:
        """The same, after entering it into the figures."""
        verdict = scored.verdict
        self.metrics.documents.labels(verdict.verdict or verdict.status).inc()
        if verdict.flagged:
            for reason in verdict.reasons:
                self.metrics.reasons.labels(reason).inc()
        return scored
