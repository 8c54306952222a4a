"""datatrove (extra `datatrove`): a filter that drops flagged documents, and a tagger that only adds the columns.

Both write the columns of `rows` into a document's metadata, `detector_` before their names. They hold no model: each
process opens it when it meets its first document, so they pickle for the local, Slurm and Ray executors alike.
"""

from __future__ import annotations

from collections.abc import Iterator

from detector.integrations import needs_extra
from detector.integrations.rows import BATCH_ROWS, PREFIX, columns, process_detector, score_values
from detector.verdict import Verdict

with needs_extra("datatrove"):
    from datatrove.data import Document, DocumentsPipeline
    from datatrove.pipeline.base import PipelineStep
    from datatrove.pipeline.filters.base_filter import BaseFilter
    from datatrove.pipeline.writers.disk_base import DiskWriter
    from datatrove.utils.batching import batched


class SpunTextTagger(PipelineStep):
    """Adds the columns to each document and passes all of them on; counts verdicts in datatrove's statistics.

    `policy` and `model` as for `detector.load`. Raises ValueError at construction if they can't be used here.
    """

    type = "🏷 - TAGGER"
    name = "🌀 Spun text"

    def __init__(self, policy: str = "balanced", model: str | None = None) -> None:
        super().__init__()
        process_detector(model, policy)
        self.policy = policy
        self.model = model

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """The documents with their columns, in order."""
        for batch in batched(data, BATCH_ROWS):
            with self.track_time("batch"):
                verdicts = tag(batch, self.policy, self.model)
            for document, verdict in zip(batch, verdicts, strict=True):
                self.stat_update("total", verdict.status, *([verdict.verdict] if verdict.verdict else []))
                self.update_doc_stats(document)
                yield document


class SpunTextFilter(BaseFilter):
    """Drops flagged documents (`spam`, never `suspect`), the reason being `spun`, `stuffed` or `spun+stuffed`.

    What passes, and what goes to `exclusion_writer`, carries the columns. What can't be judged passes. `policy` and
    `model` as for `detector.load`. Raises ValueError at construction if they can't be used here.
    """

    name = "🌀 Spun text"

    def __init__(
        self,
        policy: str = "balanced",
        model: str | None = None,
        exclusion_writer: DiskWriter | None = None,
        batch_size: int = BATCH_ROWS,
    ) -> None:
        super().__init__(exclusion_writer, batch_size)
        process_detector(model, policy)
        self.policy = policy
        self.model = model

    def filter(self, doc: Document) -> bool | tuple[bool, str]:
        """As `filter_batch`, of one document."""
        return self.filter_batch([doc])[0]

    def filter_batch(self, batch: list[Document]) -> list[bool | tuple[bool, str]]:
        """True for a document to keep, (False, reason) for one to drop."""
        verdicts = tag(batch, self.policy, self.model)
        return [(False, "+".join(verdict.reasons)) if verdict.flagged else True for verdict in verdicts]


def tag(documents: list[Document], policy: str, model: str | None) -> list[Verdict]:
    """Write the columns into the documents' metadata."""
    detector = process_detector(model, policy)
    verdicts = list(score_values(detector, [document.text for document in documents]))
    for document, verdict in zip(documents, verdicts, strict=True):
        document.metadata.update({PREFIX + name: value for name, value in columns(verdict).items()})
    return verdicts
