"""`detector train --labels`: a new version from the shipped model, its base and the labels of users.

It starts from the shipped model each time, with all labels that stand: the same labels give the same model,
and a label taken back leaves no trace. The token stage is continued (`token_update`), then each head is corrected
(`correction`) by the labelled texts, whose features come from a token stage that did not see them. Calibration and
thresholds rest on the base, each document judged by a fit without it, as those of the shipped model do. Neither the
frozen hold-out nor the held-back labels take part in what is learned.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version as library_version
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from detector.labels.label import Label, LabelError
from detector.lexicon.tables import LexiconFiles, load_lexicon
from detector.model import HEAD_SHARES, HEADS, POLICIES, Model, load_model
from detector.paths import LEXICON, SHIPPED
from detector.registry import Registry, Version
from detector.scoring import Detector
from detector.signals.replaced import pack_weights, unpack_weights
from detector.training.base import Base, load_base
from detector.training.correction import (
    Scores,
    as_trees,
    fit_second,
    hold_down,
    information_of,
    with_constant,
)
from detector.training.fit import FPR_GRID, feature_mask, settle
from detector.training.harm import KNOWN_FLAGGED, KNOWN_LOST, RATE, harms, row_names, weighted_quantile
from detector.training.known import HONEST, known_flags, known_texts
from detector.training.labelled import Labelled, digest_of, frozen_copies, merge
from detector.training.matrix import feature_matrix
from detector.training.token_stage import TokenData, folds_of
from detector.training.token_update import label_tokens, update_tokens
from detector.training.trees import Trees, join_trees, split_trees

FOLDS = 4
NEARLY = 1.0
"""Nats below the threshold from which a page called clean counts among those that a head flags wrongly."""
Log = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """How strongly labels pull; of each, the first is taken that harms no source. `holds`: what the base weighs
    together where each page wrongly flagged weighs 1; the last is taken if all harm. `shares`: of the labelled spam that
    the second detector finds by itself; there is none if all harm. `token_weights`: of a labelled word against one of
    the base; 0 leaves the token stage alone. Known texts show whether it harms; the last is taken if all do.
    `token_total`: of all labelled words together, at most, in words of the base. `seed` divides the labels into
    folds."""

    holds: tuple[float, ...] = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10_000.0)
    shares: tuple[float, ...] = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05)
    token_weights: tuple[float, ...] = (5.0, 1.0, 0.2, 0.0)
    token_total: float = 160_000.0
    seed: int = 1


@dataclass(frozen=True)
class Start:
    """What training continues from."""

    model: Model
    base: Base
    lexicon: LexiconFiles

    @classmethod
    def open(cls, folder: Path = SHIPPED) -> Start:
        """The bundle in `folder` and the base beside it. Raises ModelError or LexiconError."""
        model = load_model(folder)
        return cls(model, load_base(model, folder), load_lexicon(LEXICON))

    def heads(self) -> tuple[Trees, ...]:
        """Both heads, uncalibrated, as the base's log-odds are."""
        return tuple(trees.uncalibrated() for trees in split_trees(self.model.arrays))


@dataclass(frozen=True)
class Chosen:
    """What training uses: texts to learn from, texts held back, how many were left out for which reason; and
    those to learn from that are labelled clean though the shipped model flags them. `right`: which of those to learn
    from it judges rightly."""

    learned: list[Labelled]
    right: list[bool]
    held_back: list[Labelled]
    left_out: dict[str, int]
    overruling: list[Labelled]


def choose(labels: Iterable[Label], start: Start) -> Chosen:
    """Sort labelled texts out: copies of the frozen hold-out, and texts on which the detector abstains, take
    no part; of many, a fifth is held back."""
    merged = merge(labels)
    copies = frozen_copies([item.text for item in merged], start.base)
    detector = Detector(start.model, start.lexicon, "balanced", POLICIES["balanced"])
    verdicts = detector.score_batch([item.text for item in merged], evidence=False)
    learned: list[Labelled] = []
    held_back: list[Labelled] = []
    overruling: list[Labelled] = []
    right: list[bool] = []
    left_out: Counter[str] = Counter()
    for item, copy, verdict in zip(merged, copies, verdicts, strict=True):
        if copy or verdict.status != "scored":
            left_out["copy of the frozen hold-out" if copy else verdict.status] += 1
        elif item.held_back:
            held_back.append(item)
        else:
            learned.append(item)
            right.append(
                all(
                    (head in verdict.reasons) == label
                    for head, label in zip(HEADS, item.labels)
                    if label >= 0
                )
            )
            if any(head in verdict.reasons and item.labels[h] == 0 for h, head in enumerate(HEADS)):
                overruling.append(item)
    return Chosen(learned, right, held_back, dict(left_out), overruling)


@dataclass(frozen=True)
class Fit:
    """A fitted continuation: the bundle's `arrays` and, of the texts learned from, raw log-odds by a fit that
    did not see them: `odds` float64[D, 2]; `scales` are (slope, intercept) of each head, `over` bool[D, 2] whether
    these log-odds are over the threshold of the balanced policy; `taken` the hold and the share that each head took."""

    arrays: dict[str, np.ndarray]
    odds: np.ndarray
    scales: tuple[tuple[float, float], ...]
    over: np.ndarray
    taken: dict[str, dict[str, float]]


def fit(start: Start, learned: Sequence[Labelled], options: Options, log: Log) -> Fit:
    """Continue `start` with labelled texts. Deterministic."""
    labels = np.array([item.labels for item in learned], np.int64).reshape(-1, 2)
    folds = folds_of([item.group for item in learned], FOLDS, options.seed)
    tokens, matrix = _continue_tokens(start, learned, labels[:, 0], folds, options, log)
    heads, curves, odds, scales, over, taken = [], [], [], [], [], {}
    for h, (head, trees) in enumerate(zip(HEADS, start.heads(), strict=True)):
        corrected = _Corrected(start.base, h, trees, matrix, labels[:, h], options)
        final, old_odds, hold, share = corrected.fit()
        held_out = corrected.out_of_fold(folds, hold, share)
        base = start.base
        slope, intercept, thresholds = settle(old_odds, base.labels[:, h], base.weights, base.source, head)
        curves.append(thresholds)
        heads.append(replace(final, scale=np.array([final.scale[0], slope, intercept])))
        odds.append(held_out)
        scales.append((slope, intercept))
        at = np.interp(np.log(RATE * HEAD_SHARES[h]), np.log(FPR_GRID), thresholds)
        over.append(slope * held_out + intercept >= at)
        taken[head] = {"hold": hold, "share": share} if hold < np.inf else {"share": share}
        log(
            f"{head}: {(labels[:, h] >= 0).sum():,} labelled texts, {_in_words(hold, share)}; calibrated, thresholds fixed"
        )
    arrays = join_trees(*heads) | {
        "curves.npy": np.array(curves),
        "token_weights.npy": tokens.astype(np.float16),
    }
    return Fit(arrays, np.column_stack(odds), tuple(scales), np.column_stack(over), taken)


def _in_words(hold: float, share: float) -> str:
    down = f"those wrongly flagged pushed down at hold {hold:g}" if hold < np.inf else "none wrongly flagged"
    return (
        f"{down}, a second detector for {share:.0%} of the spam" if share else f"{down}, no second detector"
    )


def _continue_tokens(
    start: Start, learned: Sequence[Labelled], spun: np.ndarray, folds: np.ndarray, options: Options, log: Log
) -> tuple[np.ndarray, np.ndarray]:
    """(token weights from all texts, float32[D, WIDTH] features from weights that did not see the text)."""
    weights, tables = unpack_weights(start.model.heads.token_weights), start.lexicon.tables
    texts = [item.text for item in learned]
    known = np.flatnonzero(spun >= 0)
    if not len(known):
        return weights, feature_matrix(tables, pack_weights(weights), texts)
    data = label_tokens(tables, [texts[i] for i in known], [learned[int(i)].spans for i in known])
    log(f"{len(data.labels):,} words in {len(known):,} labelled texts")
    document = known[data.document]

    def without(fold: int, scale: float) -> np.ndarray:
        rows = np.flatnonzero(folds[document] != fold)
        if not len(rows) or not scale:
            return weights
        part = TokenData(data.active[rows], data.labels[rows], data.weights[rows], data.document[rows])
        return update_tokens(weights, start.base.information, part, spun[document[rows]], scale)

    before = known_flags(start.model, tables)
    for weight in options.token_weights:
        scale = min(weight, options.token_total / len(data.labels))
        updated = without(-1, scale)
        if weight == options.token_weights[-1] or not _harms_known(
            before, known_flags(start.model, tables, pack_weights(updated))
        ):
            break
    log(f"token stage: {int((np.abs(updated - weights) > 0.01).sum()):,} weights moved, weight {scale:g}")
    matrix = np.zeros((len(texts), start.base.matrix.shape[1]), np.float32)
    for fold in np.unique(folds):
        rows = np.flatnonzero(folds == fold)
        matrix[rows] = feature_matrix(tables, pack_weights(without(fold, scale)), [texts[i] for i in rows])
    return updated, matrix


def _harms_known(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether fewer known spun texts are flagged, or more honest ones; both as `known_flags` gives them."""
    change = after.astype(np.int64) - before
    spun = np.array([known.kind != HONEST for known in known_texts()])
    return bool(change[spun].mean() < -KNOWN_LOST or change[~spun].mean() > KNOWN_FLAGGED)


class _Corrected:
    """One head and its corrections from labelled texts."""

    def __init__(
        self, base: Base, head: int, trees: Trees, matrix: np.ndarray, labels: np.ndarray, options: Options
    ) -> None:
        columns = np.flatnonzero(feature_mask(HEADS[head]))
        learned = ~base.holdout & (base.labels[:, head] >= 0)
        self._base, self._head, self._trees, self._labels, self._options = base, head, trees, labels, options
        self._columns, self._learned, self._honest = columns, learned, learned & (base.labels[:, head] == 0)
        self._names = row_names(base.source[learned], base.kind[learned], base.labels[learned])
        self._scores = Scores.fit(base.matrix[learned][:, columns])
        self._old = with_constant(self._scores.transform(base.matrix[:, columns]))
        self._new = with_constant(self._scores.transform(matrix[:, columns]))
        self._odds = trees.raw(matrix)
        self._rate = RATE * HEAD_SHARES[head]
        self._threshold = weighted_quantile(
            base.odds[self._honest, head], base.weights[self._honest], self._rate
        )
        self._flagged = (labels == 0) & (self._odds > self._threshold - NEARLY)
        self._information = information_of(
            self._old[learned], base.odds[learned, head] - self._threshold, _shares(base.weights[learned])
        )

    def fit(self) -> tuple[Trees, np.ndarray, float, float]:
        """(the corrected head, raw log-odds of the whole base under it, the hold and the share that it took)."""
        everything = np.ones(len(self._labels), bool)
        lowered = before = self._base.odds[:, self._head]
        trees, hold = self._trees, np.inf
        if self._flagged.any():
            for hold in self._options.holds:
                slopes = self._down(everything, hold)
                lowered = before + self._old @ slopes
                if not self._harms(before, lowered):
                    break
            trees = trees.plus(*as_trees(self._scores, slopes[:-1], self._columns), float(slopes[-1]))
        second = self._second(everything)
        if second is None:
            return trees, lowered, hold, 0.0
        slopes, unseen = second
        alone = self._old @ slopes
        alone[self._honest] = unseen
        for share in self._options.shares:
            shift = self._shift(slopes, everything, share)
            after = np.logaddexp(lowered, alone - shift)
            if not self._harms(before, after):
                added = as_trees(self._scores, slopes[:-1], self._columns)
                return trees.with_second(*added, float(slopes[-1]) - shift), after, hold, share
        return trees, lowered, hold, 0.0

    def out_of_fold(self, folds: np.ndarray, hold: float, share: float) -> np.ndarray:
        """float64[D] raw log-odds of each labelled text by corrections that did not see its group."""
        odds = self._odds.copy()
        for fold in np.unique(folds):
            rows = folds == fold
            if hold < np.inf:
                odds[rows] += self._new[rows] @ self._down(~rows, hold)
            second = self._second(~rows) if share else None
            if second is not None:
                slopes, _ = second
                alone = self._new[rows] @ slopes - self._shift(slopes, ~rows, share)
                odds[rows] = np.logaddexp(odds[rows], alone)
        return odds

    def _harms(self, before: np.ndarray, after: np.ndarray) -> bool:
        rows = self._learned
        labels, weights = self._base.labels[rows, self._head], self._base.weights[rows]
        return harms(before[rows], after[rows], labels, weights, self._names, self._rate)

    def _down(self, use: np.ndarray, hold: float) -> np.ndarray:
        rows = use & self._flagged
        return hold_down(self._new[rows], self._odds[rows] - self._threshold, self._information, hold)

    def _second(self, use: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """As `fit_second` gives it; None if no page is called spam."""
        rows = use & (self._labels >= 0)
        if not (self._labels[rows] == 1).any():
            return None
        weights = _shares(self._base.weights[self._honest])
        return fit_second(self._new[rows], self._labels[rows], self._old[self._honest], weights)

    def _shift(self, slopes: np.ndarray, use: np.ndarray, share: float) -> float:
        """What the second one's log-odds are lowered by, so that it finds a `share` of the labelled spam by itself."""
        found = self._new[use & (self._labels == 1)] @ slopes
        return float(np.quantile(found, 1 - share)) - self._threshold


def _shares(weights: np.ndarray) -> np.ndarray:
    shares: np.ndarray = weights / weights.sum()
    return shares


def train_on_labels(
    labels: Iterable[Label],
    registry: Registry | None = None,
    options: Options | None = None,
    start: Start | None = None,
    log: Log = lambda line: None,
) -> Version:
    """Make the next version in `registry` (default: the user's) from `labels` and the shipped model. It is not in
    use until it is promoted (`training.gate`). Raises LabelError if there is nothing to learn from."""
    options, start = options or Options(), start or Start.open()
    chosen = choose(labels, start)
    if not chosen.learned:
        reasons = ", ".join(f"{count} {reason}" for reason, count in chosen.left_out.items())
        held = f"{len(chosen.held_back)} held back" + (f", {reasons}" if reasons else "")
        raise LabelError(
            f"no label to learn from ({held}): add more, `detector labels check` says what is wrong"
        )
    log(f"{len(chosen.learned):,} labelled texts to learn from, {len(chosen.held_back):,} held back")
    fitted = fit(start, chosen.learned, options, log)
    inherited = ("name", "feature_version", "features", "lexicon", "base")
    manifest = {key: start.model.manifest[key] for key in inherited} | {
        "fpr_grid": list(FPR_GRID),
        "metrics": {"labels_out_of_fold": figures(fitted, chosen.learned)},
        "training": training_record(start, chosen, options, fitted),
    }
    return (registry or Registry()).add(lambda version: manifest | {"version": version}, fitted.arrays)


def figures(fitted: Fit, learned: Sequence[Labelled]) -> dict[str, dict[str, float]]:
    """How well each labelled text is judged by a fit that did not see it: texts, spam among them, log loss in
    nats, and AUC where there is spam and honest text."""
    found = {}
    for h, head in enumerate(HEADS):
        labels = np.array([item.labels[h] for item in learned])
        known = labels >= 0
        if not known.any():
            continue
        slope, intercept = fitted.scales[h]
        odds = slope * fitted.odds[known, h] + intercept
        loss = float(np.mean(np.logaddexp(0.0, odds) - labels[known] * odds))
        found[head] = {
            "texts": int(known.sum()),
            "spam": int(labels[known].sum()),
            "log_loss": round(loss, 4),
        }
        if 0 < labels[known].sum() < known.sum():
            found[head]["auc"] = round(float(roc_auc_score(labels[known], odds)), 4)
    return found


def contradicted(fitted: Fit, learned: Sequence[Labelled]) -> dict[str, dict[str, list[int]]]:
    """[labels that all others speak against, labels] of each answer ("yes", "no") for each head with both answers.

    Confident learning (Northcutt et al. 2021) on the log-odds out of fold: a text is spoken against if it is as
    probable under the other answer as the texts labelled with that one are on average.
    """
    found = {}
    for h, head in enumerate(HEADS):
        labels = np.array([item.labels[h] for item in learned])
        slope, intercept = fitted.scales[h]
        spam = expit(slope * fitted.odds[:, h] + intercept)
        yes, no = labels == 1, labels == 0
        if yes.any() and no.any():
            against = (
                (yes & (1 - spam >= max((1 - spam)[no].mean(), 0.5))).sum(),
                (no & (spam >= max(spam[yes].mean(), 0.5))).sum(),
            )
            found[head] = {
                "yes": [int(against[0]), int(yes.sum())],
                "no": [int(against[1]), int(no.sum())],
            }
    return found


def cross_validated(fitted: Fit, chosen: Chosen) -> dict[str, int]:
    """How many of the texts learned from are judged rightly under the balanced policy by the model that training
    starts from (`before`), and by a fit that did not see them: how many of the former it `lost`, and `won` of the
    others."""
    labels = np.array([item.labels for item in chosen.learned], np.int64).reshape(-1, 2)
    right = ((labels < 0) | (fitted.over == (labels == 1))).all(axis=1)
    before = np.array(chosen.right, bool)
    lost, won = (before & ~right).sum(), (right & ~before).sum()
    return {"texts": len(right), "before": int(before.sum()), "lost": int(lost), "won": int(won)}


def training_record(start: Start, chosen: Chosen, options: Options, fitted: Fit) -> dict[str, Any]:
    """What the manifest keeps: from what, with which labels of whom, how, with which libraries."""
    voices = [(item, label) for item in chosen.learned for label in item.voices]
    return {
        "from": start.model.name,
        "from_hash": start.model.digest,
        "base_sha256": start.base.digest,
        "options": asdict(options),
        "taken": fitted.taken,
        "labels": {
            "learned": len(chosen.learned),
            "held_back": len(chosen.held_back),
            "left_out": chosen.left_out,
            "sha256": digest_of(chosen.learned),
            "held_back_sha256": digest_of(chosen.held_back),
            "answers": dict(Counter(label.words for _, label in voices)),
            "by_source": dict(Counter(item.source for item in chosen.learned)),
            "by_annotator": dict(Counter(label.annotator for _, label in voices)),
            "contradicted": contradicted(fitted, chosen.learned),
            "cross_validated": cross_validated(fitted, chosen),
            "whitelisted_by_annotator": dict(
                Counter(item.annotators[0] for item in chosen.overruling if len(item.annotators) == 1)
            ),
        },
        "libraries": {name: library_version(name) for name in ("numpy", "scipy", "scikit-learn", "numba")}
        | {"python": platform.python_version()},
    }
