"""Labels -> what training uses: one example a text, what annotators disagree about left out, a fifth of many held back."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detector.labels.label import Label
from detector.model import HEADS
from detector.training.base import NO_SHINGLE, Base, sketch_of
from detector.training.examples import stable_hash

HELD_BACK, HELD_BACK_FROM = 5, 100
"""One group of labels in so many is not trained on, once there are so many texts: `evaluate` and the gate judge on it.
Of fewer, all are needed, and too few would be left to show anything."""
COPY = 8
"""Shared entries of two sketches of 16 from which one text is a copy of the other."""


@dataclass(frozen=True)
class Labelled:
    """One text with what its labels say together: `labels` (spun, stuffed): 1, 0, or -1 where nobody or not
    everybody says so. `voices` are the labels behind it. `held_back`: not to be learned from."""

    text: str
    labels: tuple[int, int]
    group: str
    source: str
    spans: tuple[tuple[int, int], ...]
    voices: tuple[Label, ...]
    held_back: bool = False

    @property
    def annotators(self) -> tuple[str, ...]:
        """Who labelled it, in order of names."""
        return tuple(sorted({label.annotator for label in self.voices}))


def merge(labels: Iterable[Label]) -> list[Labelled]:
    """One entry for each text, in order of first appearance; those without any agreed answer are left out."""
    by_text: dict[str, list[Label]] = defaultdict(list)
    for label in labels:
        by_text[label.key].append(label)
    merged = []
    for voices in by_text.values():
        answers = tuple(_agreed([getattr(label, head) for label in voices]) for head in HEADS)
        if any(answer >= 0 for answer in answers):
            spans = tuple(sorted({span for label in voices if label.spun for span in label.spans}))
            first = next((label for label in voices if label.pair), voices[0])
            source = next((label.source for label in voices if label.source), "")
            merged.append(
                Labelled(first.text, answers, first.group, source, spans, tuple(voices))  # type: ignore[arg-type]
            )
    if len(merged) < HELD_BACK_FROM:
        return merged
    return [replace(item, held_back=_in_held_back_group(item.group)) for item in merged]


def _in_held_back_group(group: str) -> bool:
    """Always the same ones, whatever other labels there are."""
    return stable_hash(f"held back:{group}") % HELD_BACK == 0


def _agreed(answers: Sequence[int | None]) -> int:
    said = {answer for answer in answers if answer is not None}
    return said.pop() if len(said) == 1 else -1


def frozen_copies(texts: Sequence[str], base: Base) -> np.ndarray:
    """bool[len(texts)]: which are copies of documents of the frozen hold-out, or nearly."""
    where: dict[int, list[int]] = defaultdict(list)
    for i, sketch in enumerate(base.sketch):
        for value in sketch.tolist():
            where[value].append(i)
    where.pop(NO_SHINGLE, None)
    found = np.zeros(len(texts), bool)
    for t, text in enumerate(texts):
        shared: dict[int, int] = defaultdict(int)
        for value in sketch_of(text).tolist():
            for i in where.get(value, ()):
                shared[i] += 1
        found[t] = max(shared.values(), default=0) >= COPY
    return found


def digest_of(labelled: Iterable[Labelled]) -> str:
    """sha256 over texts and answers, for the record."""
    state = hashlib.sha256()
    for item in labelled:
        state.update(f"{item.voices[0].key} {item.labels} {item.spans}\n".encode())
    return state.hexdigest()
