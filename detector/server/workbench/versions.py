"""What the pages about models show: the versions, and how one of them judges beside another."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from detector.document import Document
from detector.labels import Label, LabelStore
from detector.lexicon.tables import LexiconFiles
from detector.model import POLICIES, Model, ModelError, load_model
from detector.promotion import SHIPPED_NAME
from detector.registry import Registry, Version
from detector.report.places import Scored
from detector.scoring import Detector
from detector.server.settings import Settings
from detector.server.workbench.desk import key_of
from detector.training.gate import Comparison, Row, judge
from detector.training.labelled import merge
from detector.verdict import Verdict

MAX_TEXTS = 200
"""Texts on which two models are shown side by side."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the list of versions. `learned` texts made it, None if not labels did; `fault` says why it can't
    be used."""

    version: Version
    model: str
    made: str
    learned: int | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """The labels that a training would use: texts, those of them held back, answers and annotators with counts."""

    texts: int
    held_back: int
    answers: list[tuple[str, int]]
    annotators: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Effect:
    """One text under both models; `label` is what people say of it, empty if nobody does. `number` is its place
    on the desk."""

    name: str
    number: int | None
    label: str
    held_back: bool
    a: Verdict
    b: Verdict

    @property
    def distance(self) -> float:
        """How far the probabilities lie apart."""
        pairs = ((self.a.spun, self.b.spun), (self.a.stuffed, self.b.stuffed))
        return max(abs((b or 0.0) - (a or 0.0)) for a, b in pairs)


@dataclass(frozen=True, slots=True)
class Beside:
    """Model `b` beside model `a`: what the gate measures and objects to, and what becomes of the user's texts."""

    a: Version
    b: Version
    comparison: Comparison
    objections: list[str]
    effects: list[Effect]
    learned: dict[str, Any]
    """What the record of `b` says of its labels; empty if it was not made from labels."""

    @property
    def span(self) -> float:
        """The scale of the drawn intervals: half its width, as a share."""
        rows = [*self.comparison.frozen, *self.comparison.known, *self.comparison.labels]
        return max([0.01, *(abs(end) for row in rows for end in (row.low, row.high))])

    def differing(self, rows: Sequence[Row]) -> list[Row]:
        """The sums, and rows in which something differs."""
        return [row for row in rows if row.name.startswith("all ") or row.differs]


@lru_cache(maxsize=64)
def _summary(path: Path, stamp: int) -> tuple[str, int | None]:
    """(name, labelled texts) of a bundle; `stamp` changes with its files."""
    model = load_model(path)
    labels = model.manifest.get("training", {}).get("labels")
    return model.name, labels["learned"] if labels else None


def listed(registry: Registry) -> list[Listed]:
    """All versions, the newest first."""
    return [_listed(version) for version in reversed(registry.versions())]


def _listed(version: Version) -> Listed:
    try:
        stamp = (version.path / "manifest.json").stat()
        model, learned = _summary(version.path, stamp.st_mtime_ns)
    except (ModelError, OSError) as error:
        return Listed(version, version.name, "", fault=str(error))
    made = datetime.fromtimestamp(stamp.st_mtime).strftime("%Y-%m-%d %H:%M")
    return Listed(version, model, "" if version.name == SHIPPED_NAME else made, learned)


def standing(store: LabelStore) -> Standing:
    """What a training would find in the store."""
    labels = store.labels()
    merged = merge(labels)
    return Standing(
        len(merged),
        sum(item.held_back for item in merged),
        Counter(label.words for label in labels).most_common(),
        Counter(label.annotator for label in labels).most_common(),
    )


class Comparisons:
    """Puts models side by side; the last result is remembered. Thread-safe, one at a time."""

    def __init__(self, registry: Registry, store: LabelStore, settings: Settings) -> None:
        self._registry, self._store = registry, store
        self._policy = settings.policy
        self._rate = POLICIES[settings.policy] if settings.fpr is None else settings.fpr
        self._lock = threading.Lock()
        self._kept: tuple[Any, Beside] | None = None

    def beside(self, name: str, desk: Mapping[int, Scored], lexicon: LexiconFiles) -> Beside:
        """The version beside the one in use; beside the shipped one if it is in use itself. Raises ModelError."""
        b = self._registry.find(name)
        a = self._registry.find(SHIPPED_NAME if b.in_use else "current")
        if a.name == b.name:
            raise ModelError("the shipped model is in use; there is nothing to compare it with")
        first, second = a.load(), b.load()
        labels = self._store.labels()
        asked = (a, b, first.digest, second.digest, tuple(labels), tuple(desk))
        with self._lock:
            if self._kept is None or self._kept[0] != asked:
                found, against = judge(first, second, labels)
                effects = _effects((first, second), labels, desk, lexicon, self._policy, self._rate)
                learned = second.manifest.get("training", {}).get("labels", {})
                self._kept = asked, Beside(a, b, found, against, effects, learned)
            return self._kept[1]


def _effects(
    models: tuple[Model, Model],
    labels: Sequence[Label],
    desk: Mapping[int, Scored],
    lexicon: LexiconFiles,
    policy: str,
    rate: float,
) -> list[Effect]:
    """What lies on the desk, then the newest labels of other texts; those that change most come first."""
    merged = {item.voices[0].key: item for item in merge(labels)}
    places: dict[str, tuple[Document, int | None]] = {}
    for number, scored in desk.items():
        if scored.document.text:
            places.setdefault(key_of(scored.document), (scored.document, number))
    for label in reversed(labels):
        places.setdefault(label.key, (Document(label.text, id=label.id), None))
    chosen = list(places.items())[:MAX_TEXTS]
    texts = [document for _, (document, _) in chosen]
    verdicts = [
        list(Detector(model, lexicon, policy, rate).score_batch(texts, evidence=False)) for model in models
    ]
    found = []
    for (key, (document, number)), a, b in zip(chosen, *verdicts, strict=True):
        item = merged.get(key)
        said = " / ".join(sorted({voice.words for voice in item.voices})) if item else ""
        name = document.id or " ".join(document.text[:80].split())
        found.append(Effect(name, number, said, bool(item and item.held_back), a, b))
    return sorted(found, key=lambda effect: -effect.distance)
