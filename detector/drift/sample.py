"""What is kept of one crawl for a comparison: counts, scores, features of a random part, marked phrases.

Reads verdict files (what `detector score` writes as JSON lines) and anything that the readers read; texts are
scored on the way. Memory is bounded but for two numbers a document.
"""

from __future__ import annotations

import io
import json
import random
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from detector.document import Document
from detector.features import WIDTH
from detector.readers import Failure, Record, read
from detector.readers.base import MAX_LINE_BYTES, bounded_lines, broken
from detector.readers.limits import gzip_decoder, unpacked
from detector.scoring import Detector
from detector.training.matrix import feature_matrix
from detector.verdict import SCHEMA

MAX_ROWS = 20_000
"""Documents whose features are kept: a random part of a larger crawl."""
MAX_PHRASES = 200_000
"""Beyond this the phrases seen once so far are forgotten."""
MAX_REASONS = 20
CHUNK = 256
MAX_PHRASE = 80
"""Characters of a marked place that tell it from others."""


@dataclass
class Sample:
    """One side of a comparison.

    `statuses` counts documents by status, `labels` scored ones by verdict; `scores` holds the probabilities
    `spun`, `stuffed` of those; `rows` features of at most MAX_ROWS of the documents whose text was there;
    `phrases` counts flagged or suspect documents in which a place is marked; `explained` how many of these
    came with evidence at all. `reasons`: the first of what could not be read.
    """

    name: str
    statuses: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    models: set[str] = field(default_factory=set)
    spun: array[float] = field(default_factory=lambda: array("f"))
    stuffed: array[float] = field(default_factory=lambda: array("f"))
    rows: np.ndarray = field(default_factory=lambda: np.zeros((0, WIDTH), np.float32))
    phrases: Counter[str] = field(default_factory=Counter)
    explained: int = 0
    reasons: list[str] = field(default_factory=list)

    @property
    def documents(self) -> int:
        """All of them, whatever became of them."""
        return self.statuses.total()

    def add(self, verdict: Mapping[str, Any]) -> None:
        """Count one verdict, in the form of `Verdict.to_dict()`. Raises what a malformed one raises."""
        status, scores, label = verdict["status"], (verdict["spun"], verdict["stuffed"]), verdict["verdict"]
        places = [(str(place["text"]), place["suggestion"]) for place in verdict["evidence"]]
        if status == "scored":
            self.spun.append(scores[0])
            self.stuffed.append(scores[1])
            self.labels[label] += 1
            self.models.add(str(verdict["model"]))
        self.statuses[str(status)] += 1
        if label in ("spam", "suspect"):
            self.explained += bool(places)
            self.phrases.update({_phrase(*place) for place in places})
            if len(self.phrases) > MAX_PHRASES:
                self.phrases = Counter({phrase: n for phrase, n in self.phrases.items() if n > 1})

    def fail(self, reason: str) -> None:
        """Count one document that could not be read."""
        self.statuses["failed"] += 1
        if len(self.reasons) < MAX_REASONS:
            self.reasons.append(reason)


def _phrase(text: str, suggestion: str | None) -> str:
    shown = " ".join(text.lower().split())[:MAX_PHRASE]
    return f"{shown} -> {suggestion}" if suggestion else shown


class _Rows:
    """Features of a uniform sample of a stream (Vitter 1985, algorithm R)."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self._rng = random.Random(0)
        self._kept: list[np.ndarray] = []
        self._seen = 0

    def add(self, documents: list[Document]) -> None:
        chosen: list[tuple[int, Document]] = []
        for document in documents:
            place = self._seen if self._seen < MAX_ROWS else self._rng.randrange(self._seen + 1)
            self._seen += 1
            if place < MAX_ROWS:
                chosen.append((place, document))
        weights = self.detector.model.heads.token_weights
        texts = [document for _, document in chosen]
        for (place, _), row in zip(chosen, feature_matrix(self.detector.lexicon.tables, weights, texts)):
            if place < len(self._kept):
                self._kept[place] = row
            else:
                self._kept.append(row)

    def matrix(self) -> np.ndarray:
        return np.array(self._kept, np.float32).reshape(-1, WIDTH)


def sample(paths: Iterable[str], load: Callable[[], Detector], name: str = "") -> Sample:
    """Read one side. `load` opens the detector; it is called if there is a text to score or measure.

    Never raises for what is in the files: what can't be read is counted as failed, with its reason.
    """
    listed = list(paths)
    found = Sample(name or ", ".join(listed))
    rows: _Rows | None = None
    for path in listed:
        source = _verdicts(path) if is_verdict_file(path) else read([path])
        while chunk := list(islice(source, CHUNK)):
            texts = list(_texts(chunk, found))
            if texts:
                rows = rows or _Rows(load())
                _add_texts(found, texts, rows)
    if rows:
        found.rows = rows.matrix()
    return found


def _texts(chunk: Iterable[Record | dict[str, Any]], found: Sample) -> Iterator[tuple[Document, bool]]:
    """(document, whether it is still to be scored) of what has a text; everything else is counted here."""
    for record in chunk:
        if isinstance(record, Document):
            yield record, True
        elif not isinstance(record, dict):
            found.fail(f"{record.id}: {record.reason}")
        else:
            try:
                found.add(record)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                found.fail(
                    f"{record.get('id')}: not a verdict of schema {SCHEMA}: {type(error).__name__} {error}"
                )
            else:
                if record["status"] == "scored" and isinstance(record.get("text"), str):
                    yield Document(record["text"]), False


def _add_texts(found: Sample, texts: list[tuple[Document, bool]], rows: _Rows) -> None:
    """Score what is to be scored, with evidence where that counts; measure the features of what was scored."""
    detector = rows.detector
    fresh = [document for document, to_score in texts if to_score]
    verdicts = list(detector.score_batch(fresh, evidence=False))
    for document, verdict in zip(fresh, verdicts):
        marked = detector.score(document) if verdict.verdict in ("spam", "suspect") else verdict
        found.add(marked.to_dict())
    scored = (document for document, verdict in zip(fresh, verdicts) if verdict.status == "scored")
    rows.add(list(chain(scored, (document for document, to_score in texts if not to_score))))


def is_verdict_file(path: str) -> bool:
    """Whether the first line of a file is a verdict rather than a document."""
    try:
        with _open(path) as file:
            first = json.loads(file.readline(MAX_LINE_BYTES))
    except (OSError, EOFError, ValueError, RecursionError):
        return False
    return isinstance(first, dict) and "status" in first and "schema" in first


@contextmanager
def _open(path: str) -> Iterator[io.BufferedReader]:
    if not Path(path).is_file():
        raise FileNotFoundError(path)
    with open(path, "rb") as file:
        yield unpacked(file, gzip_decoder) if path.lower().endswith(".gz") else file


def _verdicts(path: str) -> Iterator[Record | dict[str, Any]]:
    """The records of a verdict file; a broken line becomes a record that is no verdict."""
    number = 0
    try:
        with _open(path) as file:
            for line in bounded_lines(file):
                number = line.number
                if line.data is None or line.data.strip():
                    yield _verdict(line.data, f"{path}:{number}")
    except (OSError, EOFError) as error:
        yield Failure(f"{path}:{number + 1}", broken(error))


def _verdict(data: bytes | None, place: str) -> Record | dict[str, Any]:
    if data is None:
        return Failure(place, "the line is too long to be read")
    try:
        record = json.loads(data)
    except (ValueError, RecursionError) as error:
        return Failure(place, f"not valid JSON: {error}")
    return record if isinstance(record, dict) else Failure(place, "not an object, expected a verdict")
