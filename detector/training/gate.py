"""May this model replace that one? Both are judged on the frozen hold-out, on known texts, and on labels: those held
back, and those learned from, each by a fit without it.

The same documents under both, so differences are paired: exact McNemar tests (McNemar 1947), and intervals from
the exact binomial interval of the documents on which they differ. On the hold-out, features and log-odds of
both models are out of fold: the model in use gains nothing from having been trained on those documents.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import binomtest, fisher_exact

from detector.labels.label import Label
from detector.model import HEAD_SHARES, HEADS, Model, ModelError
from detector.registry import Registry, Version
from detector.scoring import Detector
from detector.training.continued import Start, choose
from detector.training.harm import RATE, row_names, weighted_quantile
from detector.training.known import HONEST, known_flags, known_texts
from detector.training.labelled import Labelled
from detector.training.trees import split_trees
from detector.verdict import Verdict

Z = 1.959964
"""Of a normal distribution, for 95 %."""
CHANCE = 0.05
"""Of a good model being refused for any of its rows (Holm 1979)."""
TOLERANCE = 0.005
"""A row that is worse by less is let pass: with thousands of documents, chance is told from a trifle."""
SURE = 2.0
"""Nats beyond the threshold from which a verdict on the hold-out counts as a known case."""
DOMINANT_SHARE, DOMINANT_FROM = 0.8, 30
"""One annotator or source with a larger share dominates, if there are so many labelled texts at all."""
WHITELISTED, WHITELIST_CHANCE = 5, 0.01
"""So many unconfirmed "clean" labels of one annotator on what the shipped model flags are looked at."""
CONTRADICTED, CONTRADICTED_FROM = 0.1, 3
"""Share of each answer, and number, from which labels that all others speak against are too many. New kinds of
spam and new kinds of honest text, not understood yet, make such labels under one answer; slips make them under both."""


CROSS_VALIDATED = "all labels learned from, each judged without it"


@dataclass(frozen=True)
class Row:
    """One line of the comparison. `right_a`, `right_b`: shares of `count` documents judged rightly; `low`,
    `high`: the interval of their difference; `worse`: the chance of so many new faults if neither is better."""

    name: str
    kind: str
    count: int
    right_a: float
    right_b: float
    low: float
    high: float
    worse: float

    @property
    def difference(self) -> float:
        """Of the shares; positive if B is better."""
        return self.right_b - self.right_a

    @property
    def differs(self) -> bool:
        """Whether the models judge any of the documents differently."""
        return bool(self.low or self.high)


@dataclass(frozen=True)
class Change:
    """A held-back text on which the models differ, with both verdicts and their evidence."""

    item: Labelled
    a: Verdict
    b: Verdict


@dataclass(frozen=True)
class Comparison:
    """Two models side by side: `frozen` by source at a fixed false-positive rate, `labels` by source at the
    models' own thresholds, `changes` among those labels, how many known cases B gets wrong, by source, and
    `known` texts by kind, at the models' own thresholds."""

    a: str
    b: str
    frozen: list[Row]
    labels: list[Row]
    changes: list[Change]
    flipped: dict[str, int]
    known: list[Row] = field(default_factory=list)


def compare(a: Model, b: Model, labels: Iterable[Label], start: Start | None = None) -> Comparison:
    """Judge both models on the frozen hold-out of `start` (default: the shipped model's), on known texts, and on
    those of `labels` that are held back. Raises ModelError if there is no base."""
    start = start or Start.open()
    judged = [_Frozen(model, start) for model in (a, b)]
    held_back = choose(labels, start).held_back
    rows, changes = _compare_labels(a, b, held_back, start)
    rows += _cross_validated(b)
    known = _compare_known(a, b, start)
    return Comparison(a.name, b.name, _compare_frozen(*judged), rows, changes, _flipped(*judged), known)


class _Frozen:
    """What a model says about the hold-out: calibrated log-odds by head, and what that makes of each document.

    Its threshold at a fixed false-positive rate is its own: it was fixed on all honest documents of the base, each
    judged by a fit without it. Of a model with another base, it rests on the honest documents of the hold-out.
    """

    def __init__(self, model: Model, start: Start) -> None:
        base = start.base
        derived = model.manifest.get("base") == base.digest
        odds = np.zeros(base.odds.shape)
        for h, (trees, first) in enumerate(zip(split_trees(model.arrays), start.heads(), strict=True)):
            raw, second = trees.sums(base.matrix)
            if derived:  # what the correction adds, to log-odds that did not see the document
                raw = base.odds[:, h] + raw - first.raw(base.matrix)
            odds[:, h] = trees.scale[1] * np.logaddexp(raw, second) + trees.scale[2]
        self.fixed = self.own = np.log([_odds_of(p) for p in model.thresholds(RATE)])
        rows = base.holdout
        if not derived:
            clean = [rows & (base.labels[:, h] == 0) for h in range(len(HEADS))]
            self.fixed = np.array(
                [
                    weighted_quantile(odds[clean[h], h], base.weights[clean[h]], RATE * share)
                    for h, share in enumerate(HEAD_SHARES)
                ]
            )
        self.odds, self.labels = odds[rows], base.labels[rows]
        self.names = row_names(base.source[rows], base.kind[rows], self.labels)

    def right(self, thresholds: np.ndarray) -> np.ndarray:
        """bool[D]: is each document judged rightly: what is spun or stuffed found, what is honest left alone?"""
        over = self.odds >= thresholds
        spam = (self.labels == 1).any(axis=1)
        flagged = (over & (self.labels == 0)).any(axis=1)
        right: np.ndarray = np.where(spam, (over & (self.labels == 1)).any(axis=1), ~flagged)
        return right


def _odds_of(probability: float) -> float:
    return probability / max(1.0 - probability, 1e-12)


def _compare_frozen(a: _Frozen, b: _Frozen) -> list[Row]:
    """Spam found at a false-positive rate fixed on the hold-out; honest documents left alone at the models'
    own thresholds."""
    spam = (a.labels == 1).any(axis=1)
    found = (a.right(a.fixed), b.right(b.fixed))
    alone = (a.right(a.own), b.right(b.own))
    rows = []
    for kind, chosen, (right_a, right_b) in (("found", spam, found), ("left alone", ~spam, alone)):
        rows.append(
            _row(f"all {'spam' if kind == 'found' else 'honest'}", kind, right_a[chosen], right_b[chosen])
        )
        for name in np.unique(a.names[chosen]):
            here = chosen & (a.names == name)
            rows.append(_row(str(name), kind, right_a[here], right_b[here]))
    return rows


def _row(name: str, kind: str, right_a: np.ndarray, right_b: np.ndarray) -> Row:
    lost, won = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    return _row_of(name, kind, len(right_a), int(right_a.sum()), lost, won)


def _row_of(name: str, kind: str, count: int, right_a: int, lost: int, won: int) -> Row:
    low = high = 0.0
    worse = 1.0
    if lost + won:
        low, high = _paired_interval(lost, won, count)
        worse = float(binomtest(lost, lost + won, alternative="greater").pvalue)
    return Row(name, kind, count, right_a / count, (right_a - lost + won) / count, low, high, worse)


def _paired_interval(lost: int, won: int, count: int) -> tuple[float, float]:
    """95 % interval of a difference of two paired shares: Wald's with half a case added to each cell (Agresti and
    Min 2005, "Simple improved confidence intervals for comparing matched proportions")."""
    size = count + 2
    difference = (won - lost) / size
    half = Z * math.sqrt(won + lost + 1 - (won - lost) ** 2 / size) / size
    return max(difference - half, -1.0), min(difference + half, 1.0)


def _flipped(a: _Frozen, b: _Frozen) -> dict[str, int]:
    """Known cases that B gets wrong, by row: hold-out documents that A judges rightly and is sure of."""
    spam = (a.labels == 1).any(axis=1)
    margin = np.where(spam, SURE, -SURE)[:, None]
    sure = a.right(a.own) & a.right(a.own + margin)
    names, counts = np.unique(a.names[sure & ~b.right(b.own)], return_counts=True)
    return {str(name): int(count) for name, count in zip(names, counts, strict=True)}


def _compare_known(a: Model, b: Model, start: Start) -> list[Row]:
    """Spun texts found, and honest ones left alone, by what the spun heads say under the balanced policy."""
    over = [known_flags(model, start.lexicon.tables) for model in (a, b)]
    kinds = np.array([known.kind for known in known_texts()])
    spun = kinds != HONEST
    rows = [_row("known texts, spun", "found", *(flags[spun] for flags in over))]
    rows += [
        _row(f"known texts, kind {kind}", "found", *(flags[kinds == kind] for flags in over))
        for kind in np.unique(kinds[spun])
    ]
    return [*rows, _row("known texts, honest", "left alone", *(~flags[~spun] for flags in over))]


def _compare_labels(
    a: Model, b: Model, items: Sequence[Labelled], start: Start
) -> tuple[list[Row], list[Change]]:
    texts = [item.text for item in items]
    verdicts = [list(Detector(model, start.lexicon, "balanced", RATE).score_batch(texts)) for model in (a, b)]
    right = [np.array([_agrees(v, i) for v, i in zip(vs, items, strict=True)], bool) for vs in verdicts]
    changes = [
        Change(item, *pair)
        for item, pair in zip(items, zip(*verdicts, strict=True), strict=True)
        if pair[0].verdict != pair[1].verdict
    ]
    rows = []
    if items:
        rows.append(_row("all held-back labels", "judged rightly", *right))
        sources = np.array([item.source or "(no source)" for item in items])
        for source in np.unique(sources):
            here = sources == source
            rows.append(_row(f"labels: {source}", "judged rightly", right[0][here], right[1][here]))
    return rows, changes


def _cross_validated(b: Model) -> list[Row]:
    """The labels that B learned from, each judged by a fit without it, against the model that training started
    from."""
    counts = b.manifest.get("training", {}).get("labels", {}).get("cross_validated")
    if not counts:
        return []
    return [
        _row_of(CROSS_VALIDATED, "judged rightly", *(counts[k] for k in ("texts", "before", "lost", "won")))
    ]


def _agrees(verdict: Verdict, item: Labelled) -> bool:
    """Does the verdict say what the label says, of the heads that the label speaks of?"""
    said = zip(HEADS, item.labels, strict=True)
    return all((head in verdict.reasons) == bool(label) for head, label in said if label >= 0)


def objections(comparison: Comparison, record: dict[str, Any]) -> list[str]:
    """Why B should not replace A, one sentence each; empty if nothing speaks against it. `record` is B's
    `training` entry in its manifest."""
    return [
        *_worse(comparison.frozen + comparison.known + comparison.labels),
        *_known_cases(comparison),
        *_contradicted(record),
        *_dominated(record),
        *_whitelisted(record),
    ]


def judge(
    a: Model, b: Model, labels: Iterable[Label], start: Start | None = None
) -> tuple[Comparison, list[str]]:
    """(the comparison of B with A, what speaks against B)."""
    comparison = compare(a, b, labels, start)
    return comparison, objections(comparison, b.manifest.get("training", {}))


def _worse(rows: list[Row]) -> Iterator[str]:
    """Rows in which B is worse beyond chance, by Holm's step-down procedure over all rows, and not by a trifle."""
    for rank, row in enumerate(sorted(rows, key=lambda row: row.worse)):
        if row.worse > CHANCE / (len(rows) - rank):
            return
        if row.difference > -TOLERANCE:
            continue
        yield (
            f"{row.name}: {row.kind} {row.right_a:.1%} -> {row.right_b:.1%} of {row.count:,} "
            f"(difference {row.low:+.1%} to {row.high:+.1%}), worse beyond chance"
        )


def _known_cases(comparison: Comparison) -> Iterator[str]:
    if comparison.flipped:
        names = ", ".join(f"{name} {count}" for name, count in comparison.flipped.items())
        yield f"known cases of the frozen hold-out that it gets wrong: {names}"


def _contradicted(record: dict[str, Any]) -> Iterator[str]:
    """Labels that the others speak against, under both answers: a share of them was given the wrong way round."""
    against: dict[str, dict[str, list[int]]] = record.get("labels", {}).get("contradicted", {})
    for head, answers in against.items():
        if all(n >= max(CONTRADICTED_FROM, CONTRADICTED * count) for n, count in answers.values()):
            (yes, all_yes), (no, all_no) = answers["yes"], answers["no"]
            yield (
                f"the other labels speak against {yes} of {all_yes} that say {head} and {no} of {all_no} that say "
                f"not {head}: too many for slips; `detector labels check` names them"
            )


def _dominated(record: dict[str, Any]) -> Iterator[str]:
    labels = record.get("labels", {})
    for key, what in (("by_annotator", "annotator"), ("by_source", "source")):
        counts: dict[str, int] = labels.get(key, {})
        total = sum(counts.values())
        for name, count in counts.items():
            if total >= DOMINANT_FROM and count > DOMINANT_SHARE * total:
                yield (
                    f"{count} of its {total} labels are from one {what} ({name or 'unnamed'}): "
                    f"have some of another {what} as well"
                )


def _whitelisted(record: dict[str, Any]) -> Iterator[str]:
    """Annotators who, unlike the others and confirmed by none, call clean what the shipped model flags."""
    labels = record.get("labels", {})
    counts: dict[str, int] = labels.get("by_annotator", {})
    sure: dict[str, int] = labels.get("whitelisted_by_annotator", {})
    for name, found in sure.items():
        others, others_found = sum(counts.values()) - counts[name], sum(sure.values()) - found
        if found < WHITELISTED or not others:
            continue
        table = [[found, counts[name] - found], [others_found, others - others_found]]
        if fisher_exact(table, alternative="greater").pvalue < WHITELIST_CHANCE:
            yield (
                f"{found} of {counts[name]} labels of {name or '(unnamed)'} call clean what the shipped model flags, "
                f"and nobody else confirms them (others: {others_found} of {others}): have them checked"
            )


def promote(
    registry: Registry,
    name: str,
    labels: Iterable[Label],
    by: str = "",
    force: bool = False,
    reason: str = "",
    start: Start | None = None,
) -> tuple[Version, Comparison, list[str]]:
    """Put a version in use unless the gate objects; with `force` the objections go into the record, and the `reason`
    why it was forced. Returns the version, the comparison with the one in use, and the objections: if there are any and no `force`, nothing
    was changed. Raises ModelError."""
    version = registry.find(name)
    if version.in_use:
        raise ModelError(f"model {version.name} is in use already")
    comparison, found = judge(registry.find("current").load(), version.load(), labels, start)
    if force or not found:
        registry.promote(version.name, by, bool(found), tuple(found), reason if found else "")
    return version, comparison, found
