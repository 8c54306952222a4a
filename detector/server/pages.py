"""What clients send and what becomes of it: pages in, scored documents out. Runs in the scoring threads."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from detector.document import Document
from detector.readers import Failure, Record
from detector.readers.encoding import decode
from detector.readers.html import EXTRA, decode_page, page
from detector.readers.jsonl import titled
from detector.scoring import Detector
from detector.verdict import Verdict

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """One document as it came. `content` is text or markup; bytes are decoded as the command line does."""

    content: str | bytes
    html: bool
    id: str
    url: str | None = None
    title: str = ""
    evidence: bool = True
    charset: str | None = None
    """Of bytes, where it was named; for texts an encoding that Python knows."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A verdict and the text that its offsets count in."""

    verdict: Verdict
    text: str


def score_pages(detector: Detector, pages: list[Page]) -> list[Scored]:
    """The verdicts, in order; a page that can't be read becomes a verdict with status "failed"."""
    records = [_read(item) for item in pages]
    verdicts: dict[int, Verdict] = {}
    for evidence in (True, False):
        chosen = [
            (i, record)
            for i, (item, record) in enumerate(zip(pages, records, strict=True))
            if item.evidence is evidence and isinstance(record, Document)
        ]
        documents = [record for _, record in chosen]
        for (i, _), verdict in zip(chosen, _score(detector, documents, evidence), strict=True):
            verdicts[i] = verdict
    return [
        Scored(verdicts[i], record.text)
        if isinstance(record, Document)
        else Scored(failed(detector, record), "")
        for i, record in enumerate(records)
    ]


def failed(detector: Detector, failure: Failure) -> Verdict:
    """The record of a document that could not be read or scored."""
    return Verdict(
        failure.id, "failed", words=0, model=detector.model.name, url=failure.url, error=failure.reason
    )


def _score(detector: Detector, documents: list[Document], evidence: bool) -> list[Verdict]:
    """All together; if that fails, one by one, so that only what is at fault is lost."""
    try:
        return list(detector.score_batch(documents, evidence))
    except Exception as error:
        log.error(
            "scoring failed", extra={"fields": {"error": type(error).__name__, "documents": len(documents)}}
        )
    return [_score_alone(detector, document, evidence) for document in documents]


def _score_alone(detector: Detector, document: Document, evidence: bool) -> Verdict:
    try:
        return detector.score(document, evidence)
    except Exception as error:
        reason = f"the detector failed on it ({type(error).__name__}): please report it with the text"
        return failed(detector, Failure(document.id, reason, document.url))


def _decode(data: bytes, charset: str | None) -> str:
    return decode(data) if charset is None else data.decode(charset, "replace")


def _read(item: Page) -> Record:
    try:
        if item.html:
            markup = (
                item.content if isinstance(item.content, str) else decode_page(item.content, item.charset)
            )
            return page(markup, item.id, item.url)
        text = item.content if isinstance(item.content, str) else _decode(item.content, item.charset)
        return titled(text, item.title, item.id, item.url)
    except ImportError:
        return Failure(item.id, f'the service reads no HTML: pip install "{EXTRA}"', item.url)
    except (ValueError, RuntimeError) as error:
        return Failure(item.id, str(error) or "the page could not be parsed", item.url)
