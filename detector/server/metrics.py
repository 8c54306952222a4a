"""What `/metrics` shows, in Prometheus' text format. No label has a value that a client can choose."""

from __future__ import annotations

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Set where several worker processes add up their figures in one folder."""
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
DOCUMENTS = (1, 2, 4, 8)
MEDIA_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """All figures of one application."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "detector_requests", "Requests answered", ["route", "method", "status"], registry=registry
        )
        self.request_seconds = Histogram(
            "detector_request_seconds",
            "From the headers to the end of the answer",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        self.documents = Counter(
            "detector_documents",
            "Documents answered: spam, suspect, clean, too_short, not_english, failed, late",
            ["outcome"],
            registry=registry,
        )
        self.reasons = Counter(
            "detector_flags", "Documents that crossed a threshold, by reason", ["reason"], registry=registry
        )
        self.batch = Histogram(
            "detector_batch_documents", "Documents scored together", buckets=DOCUMENTS, registry=registry
        )
        self.queued = Gauge(
            "detector_queue_documents",
            "Documents accepted and not answered",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.queued_bytes = Gauge(
            "detector_queue_bytes",
            "Bodies being read and not answered",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.model = Gauge(
            "detector_model_info",
            "1 for the model in use",
            ["model"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._model_name = ""
        self.reloads = Counter(
            "detector_model_loads", "Models loaded and refused", ["outcome"], registry=registry
        )

    def model_event(self, outcome: str, name: str) -> None:
        """A model was loaded (then `name` says which) or refused."""
        self.reloads.labels(outcome).inc()
        if outcome == "loaded":
            if self._model_name:
                self.model.labels(self._model_name).set(0)
            self.model.labels(name).set(1)
            self._model_name = name

    def render(self) -> bytes:
        """The page; with several workers, the sum over all of them."""
        if SHARED_FOLDER not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
