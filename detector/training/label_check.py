"""What is wrong with a file of labels, line by line, before anything is trained on it.

Likely mistakes are found by confident learning (Northcutt et al. 2021, `cleanlab`) on probabilities out of fold:
each text is judged by a continuation of the shipped model that did not learn from it.
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import expit

from detector.labels.label import Label
from detector.model import HEADS, POLICIES
from detector.scoring import MIN_WORDS, Detector
from detector.training.base import NO_SHINGLE, sketch_of
from detector.training.continued import Options, Start, fit
from detector.training.labelled import COPY, frozen_copies, merge

FEWEST_OF_A_KIND = 5
"""Labels of each answer that looking for mistakes takes."""
LOOSE = Options(holds=(50.0,), shares=(0.9,), token_weights=(1.0,))
"""How the model that judges the labels is held: nothing is shipped here, so it may harm."""
UNBALANCED = 0.1
"""A share of one answer below which the labels are said to be unbalanced."""


@dataclass(frozen=True)
class Placed:
    """A label and where it stands, `file:line`."""

    place: str
    label: Label


@dataclass(frozen=True)
class Finding:
    """Something wrong at `place`: what, and what to do. `problem` is one of duplicate, near-duplicate, conflict,
    mistake, frozen, too_short, not_english."""

    place: str
    problem: str
    message: str


@dataclass(frozen=True)
class Report:
    """`findings` in the order of the file; `summary` what the file holds; `notes` what could not be looked for, or
    concerns the file as a whole."""

    findings: list[Finding]
    summary: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def check(labels: Sequence[Placed], start: Start | None = None) -> Report:
    """Look for everything that `docs/retraining.md` lists."""
    start = start or Start.open()
    order = {placed.place: i for i, placed in enumerate(labels)}
    notes = list(_unbalanced(labels))
    findings = [
        *_same_text(labels),
        *_nearly_same(labels),
        *_frozen(labels, start),
        *_abstained(labels, start),
        *_mistakes(labels, start, notes),
    ]
    findings.sort(key=lambda finding: order[finding.place])
    return Report(findings, _summary(labels, findings), notes)


def _same_text(labels: Sequence[Placed]) -> Iterator[Finding]:
    seen: dict[str, list[Placed]] = defaultdict(list)
    for placed in labels:
        for other in seen[placed.label.key]:
            head = _disagreement(placed.label, other.label)
            if head:
                yield Finding(
                    placed.place,
                    "conflict",
                    f"says {placed.label.words}, {other.place} says {other.label.words} of the same text: decide; "
                    f"until then neither is learned from",
                )
                break
            if placed.label.annotator == other.label.annotator:
                yield Finding(placed.place, "duplicate", f"repeats {other.place}: one of them is enough")
                break
        seen[placed.label.key].append(placed)


def _disagreement(a: Label, b: Label) -> str | None:
    for head in HEADS:
        answers = {getattr(a, head), getattr(b, head)} - {None}
        if len(answers) > 1:
            return head
    return None


def _nearly_same(labels: Sequence[Placed]) -> Iterator[Finding]:
    where: dict[int, list[int]] = defaultdict(list)
    for i, placed in enumerate(labels):
        shared: Counter[int] = Counter()
        for value in set(sketch_of(placed.label.text).tolist()) - {NO_SHINGLE}:
            shared.update(where[value])
            where[value].append(i)
        for j, count in shared.most_common(1):
            other = labels[j]
            if count < COPY or other.label.key == placed.label.key:
                continue
            if _disagreement(placed.label, other.label):
                message = (
                    f"says {placed.label.words}, {other.place} says {other.label.words} of nearly the same text: "
                    "look again, unless the difference is the point"
                )
                yield Finding(placed.place, "conflict", message)
            elif not placed.label.pair or placed.label.pair != other.label.pair:
                message = f"is nearly the text of {other.place}: give both the same `pair`, or leave one out"
                yield Finding(placed.place, "near-duplicate", message)


def _frozen(labels: Sequence[Placed], start: Start) -> Iterator[Finding]:
    copies = frozen_copies([placed.label.text for placed in labels], start.base)
    for placed, copy in zip(labels, copies, strict=True):
        if copy:
            message = "is a text of the frozen hold-out, on which models are compared: it is not learned from"
            yield Finding(placed.place, "frozen", message)


def _abstained(labels: Sequence[Placed], start: Start) -> Iterator[Finding]:
    detector = Detector(start.model, start.lexicon, "balanced", POLICIES["balanced"])
    texts = (placed.label.text for placed in labels)
    reasons = {
        "too_short": f"has fewer than {MIN_WORDS} words: the detector abstains there, so it is not learned from",
        "not_english": "is not English: the detector abstains there, so it is not learned from",
    }
    for placed, verdict in zip(labels, detector.score_batch(texts, evidence=False), strict=True):
        if verdict.status in reasons:
            yield Finding(placed.place, verdict.status, reasons[verdict.status])


def _mistakes(labels: Sequence[Placed], start: Start, notes: list[str]) -> Iterator[Finding]:
    try:
        from cleanlab.filter import find_label_issues
    except ModuleNotFoundError:
        notes.append('likely mistakes were not looked for: pip install "spun-text-detector[labels]"')
        return
    merged = merge(placed.label for placed in labels)
    answers = np.array([item.labels for item in merged], np.int64).reshape(-1, 2)
    enough = [min(np.bincount(column[column >= 0], minlength=2)) >= FEWEST_OF_A_KIND for column in answers.T]
    if not any(enough):
        notes.append(
            f"likely mistakes were not looked for: that takes {FEWEST_OF_A_KIND} labels of each answer"
        )
        return
    fitted = fit(start, merged, LOOSE, lambda line: None)
    places = defaultdict(list)
    for placed in labels:
        places[placed.label.key].append(placed)
    for h, head in enumerate(HEADS):
        known = np.flatnonzero(answers[:, h] >= 0)
        if not enough[h]:
            continue
        slope, intercept = fitted.scales[h]
        p = expit(slope * fitted.odds[known, h] + intercept)
        wrong = find_label_issues(answers[known, h], np.column_stack([1 - p, p]), n_jobs=1)
        for i in np.flatnonzero(wrong):
            item = merged[known[i]]
            said = "" if answers[known[i], h] else "not "
            message = (
                f"says {said}{head}, but everything else says {p[i]:.0%} {head}: look at it again; "
                "if it is right, leave it, it will be learned from"
            )
            for placed in places[item.voices[0].key]:
                yield Finding(placed.place, "mistake", message)


def _unbalanced(labels: Sequence[Placed]) -> Iterator[str]:
    for head in HEADS:
        answers = [getattr(placed.label, head) for placed in labels]
        known = [answer for answer in answers if answer is not None]
        share = sum(known) / len(known) if known else 0.5
        if not UNBALANCED <= share <= 1 - UNBALANCED:
            rare = head if share < 0.5 else f"not {head}"
            yield f"only {min(share, 1 - share):.0%} of the labels say {rare}: some more of these would help"


def _summary(labels: Sequence[Placed], findings: Sequence[Finding]) -> dict[str, Any]:
    found = [placed.label for placed in labels]
    words = [len(label.text.split()) for label in found]
    short = {finding.place for finding in findings if finding.problem == "not_english"}
    return {
        "labels": len(found),
        "texts": len({label.key for label in found}),
        "answers": dict(Counter(label.words for label in found).most_common()),
        "annotators": dict(Counter(label.annotator for label in found).most_common()),
        "sources": dict(Counter(label.source for label in found).most_common()),
        "with marked spans": sum(bool(label.spans) for label in found),
        "not English": len(short),
        "words": {"least": min(words), "median": int(statistics.median(words)), "most": max(words)}
        if words
        else {},
        "problems": dict(Counter(finding.problem for finding in findings).most_common()),
    }
