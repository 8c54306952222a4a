"""What lies on the desk: documents that were brought, in memory, and the queue of those worth a label.

One desk for all who use the workbench; steps, and so undo, are each annotator's own. Labels go into the store
at once. Methods that read, score or label take a while: call them off the event loop.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from detector.document import Document
from detector.labels import Label, LabelStore
from detector.readers import Failure, read_file
from detector.readers.base import Record
from detector.report.places import Scored
from detector.scoring import MAX_CHARACTERS, Detector
from detector.server.workbench.marking import Span, read_spans
from detector.training.suggest import Suggestion, suggest
from detector.verdict import Verdict

MAX_DOCUMENTS, MAX_TEXT = 500, 20_000_000
"""On the desk at once: documents, and characters of all of them. They are kept in memory."""
MAX_NAME = 120
Answer = Literal["spun", "stuffed", "clean", "skip"]
ANSWERS: dict[str, Answer] = {name: name for name in get_args(Answer)}
_LABELS: dict[Answer, tuple[int | None, int | None]] = {
    "spun": (1, None),
    "stuffed": (None, 1),
    "clean": (0, 0),
}


class FullError(ValueError):
    """No more documents fit on the desk; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as the browser sent it."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Queued:
    """A document that waits for a label, and why it was chosen."""

    number: int
    scored: Scored
    why: str
    left: int


@dataclass(frozen=True, slots=True)
class _Step:
    """What an annotator did: `row` is the label's in the store, None for a skip."""

    number: int
    row: int | None


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in the queue; `key` is that of the document's labels."""

    number: int
    found: Suggestion
    key: str


class Desk:
    """Thread-safe: one thing at a time."""

    def __init__(self, store: LabelStore) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._scored: dict[int, Scored] = {}
        self._last = 0
        self._order: list[_Place] | None = None
        self._done: dict[str, set[str]] = {}
        self._steps: dict[str, list[_Step]] = {}

    def add(self, detector: Detector, pasted: str, uploads: Sequence[Upload]) -> list[int]:
        """Score the text, if there is any, and the documents of all files; returns their numbers. What can't be
        read is kept with its reason. Raises FullError, after taking as many as fit."""
        with self._lock, tempfile.TemporaryDirectory(prefix="detector-workbench-") as folder:
            numbers: list[int] = []
            for record in _records(pasted, uploads, Path(folder)):
                size = len(record.text) if isinstance(record, Document) else 0
                if len(self._scored) >= MAX_DOCUMENTS or self._size() + size > MAX_TEXT:
                    raise FullError(
                        f"{len(numbers)} more documents were taken, then the desk was full (it holds "
                        f"{MAX_DOCUMENTS} documents and {MAX_TEXT:,} characters): clear it, and bring the rest"
                    )
                self._last += 1
                self._scored[self._last] = _score(detector, record)
                self._order = None
                numbers.append(self._last)
            return numbers

    def all(self, detector: Detector) -> dict[int, Scored]:
        """Every document by number, as this model judges it."""
        with self._lock:
            self._refresh(detector)
            return dict(self._scored)

    def clear(self) -> None:
        """Take every document away; labels stay."""
        with self._lock:
            self._scored.clear()
            self._steps.clear()
            self._done.clear()
            self._order = None

    def next(self, detector: Detector, annotator: str) -> Queued | None:
        """The document that this annotator should label next, None when none is left."""
        with self._lock:
            self._refresh(detector)
            if self._order is None:
                self._order = self._suggested(detector)
            done = self._done_by(annotator)
            skipped = {step.number for step in self._steps.get(annotator, ()) if step.row is None}
            left = [
                (item.number, item.found)
                for item in self._order
                if item.number not in skipped and item.key not in done
            ]
            if not left:
                return None
            number, found = left[0]
            return Queued(number, self._scored[number], found.why, len(left))

    def marked(self, number: int, annotator: str) -> tuple[Span, ...]:
        """What this annotator has marked in a document so far. Raises KeyError if it is gone, LabelError."""
        key = key_of(self._scored[number].document)
        labels = self.store.labels()
        return next((label.spans for label in labels if (label.key, label.annotator) == (key, annotator)), ())

    def answer(self, number: int, annotator: str, answer: Answer, marked: Sequence[str] = ()) -> int:
        """Keep what this annotator says of a document; `marked` are places of words (`marking`), which count if the
        answer is "spun". Returns how many places were marked. Raises KeyError if the document is gone, LabelError,
        ValueError for a place that is none."""
        with self._lock:
            document = self._scored[number].document
            row = None
            spans: tuple[Span, ...] = ()
            if answer != "skip":
                label = _label(document, annotator, answer)
                if answer == "spun":
                    spans = read_spans(marked, label.text)
                    label = replace(label, spans=spans)
                done = self._done_by(annotator)
                row = self.store.add(label)
                done.add(label.key)
            self._steps.setdefault(annotator, []).append(_Step(number, row))
            return len(spans)

    def undo(self, annotator: str) -> bool:
        """Take back this annotator's last step; False if there is none. Raises LabelError."""
        with self._lock:
            steps = self._steps.get(annotator)
            if not steps:
                return False
            step = steps[-1]
            if step.row is not None:
                self.store.undo(step.row, annotator)
                self._done.pop(annotator, None)
            steps.pop()
            return True

    def steps(self, annotator: str) -> int:
        """How many steps this annotator could undo."""
        return len(self._steps.get(annotator, ()))

    def _size(self) -> int:
        return sum(len(scored.document.text) for scored in self._scored.values())

    def _refresh(self, detector: Detector) -> None:
        """Score again what another model has scored."""
        for number, scored in self._scored.items():
            if scored.verdict.status != "failed" and scored.verdict.model != detector.model.name:
                self._scored[number] = _score(detector, scored.document)
                self._order = None

    def _suggested(self, detector: Detector) -> list[_Place]:
        numbers = {id(scored.document): number for number, scored in self._scored.items()}
        documents = [scored.document for scored in self._scored.values() if scored.document.text]
        if not documents:
            return []
        found = suggest(detector, documents, len(documents))
        return [_Place(numbers[id(item.document)], item, key_of(item.document)) for item in found]

    def _done_by(self, annotator: str) -> set[str]:
        """Keys of what stands in the store from this annotator."""
        if annotator not in self._done:
            labels = self.store.labels()
            self._done[annotator] = {label.key for label in labels if label.annotator == annotator}
        return self._done[annotator]


def _records(pasted: str, uploads: Sequence[Upload], folder: Path) -> Iterator[Record]:
    """What was pasted, then the documents of each file, read as the command line reads files."""
    if pasted.strip():
        yield Document(pasted, id=_title(pasted))
    for i, upload in enumerate(uploads):
        place = folder / str(i)
        place.mkdir()
        path = place / _file_name(upload.name)
        path.write_bytes(upload.content)
        for record in islice(read_file(str(path)), MAX_DOCUMENTS + 1):
            name = record.id.replace(str(path), upload.name or path.name)
            if isinstance(record, Failure):
                yield replace(record, id=name, reason=record.reason.replace(str(place), "").lstrip("/"))
            else:
                yield replace(record, id=name)
        path.unlink()


def _title(text: str) -> str:
    """The first words of a text."""
    words = " ".join(text[:400].split())
    return words if len(words) <= 60 else words[:60].rpartition(" ")[0] + " \u2026"


def _file_name(name: str) -> str:
    """A harmless name with the same suffixes, which tell the format."""
    kept = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._-") else "_" for sign in name)
    return "f" + kept[-MAX_NAME:]


def _score(detector: Detector, record: Record) -> Scored:
    if isinstance(record, Failure):
        failed = Verdict(
            record.id, "failed", words=0, model=detector.model.name, url=record.url, error=record.reason
        )
        return Scored(failed, Document("", id=record.id, url=record.url))
    return Scored(detector.score(record), record)


def _label(document: Document, annotator: str, answer: Answer) -> Label:
    spun, stuffed = _LABELS[answer]
    text = document.text[:MAX_CHARACTERS]
    return Label(text, spun, stuffed, _host(document.url or ""), annotator, id=document.id[:200])


def key_of(document: Document) -> str:
    """That of the document's labels."""
    return _label(document, "", "clean").key


def _host(url: str) -> str:
    """The source of a label: the site."""
    try:
        return (urlsplit(url).hostname or "")[:200]
    except ValueError:  # an address that is none
        return ""
