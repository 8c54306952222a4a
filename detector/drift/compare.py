"""Two samples -> what moved between them by more than chance, and how far.

Distributions: the population stability index (PSI; Siddiqi 2006, who reads 0.1 as a shift and 0.25 as a large
one) on the deciles of the old side, and the two-sample Kolmogorov-Smirnov test. If nothing changed, PSI times
n m / (n + m) follows chi-squared with bins - 1 degrees of freedom (Yurdakul and Naranjo 2020): that is the
`noise` below which nothing is claimed. Shares: Newcombe's interval for a difference (1998, method 10).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from detector.drift.sample import Sample
from detector.features import NAMES

BINS = 10
SHIFT, LARGE_SHIFT = 0.1, 0.25
"""PSI from which on a distribution moved, and moved far."""
CONFIDENCE = 0.99
Z = 2.5758
"""The normal quantile of CONFIDENCE, two-sided."""
MIN_DOCUMENTS = 50
"""Scored documents a side without which there is nothing to tell."""
SHARE_FACTOR, SHARE_POINTS = 1.5, 0.05
"""A share moved if it is beyond chance and changed by this factor or by this much."""
MIN_PHRASE_DOCUMENTS = 3
MAX_PHRASES = 15
ABSTENTIONS = ("too_short", "not_english", "failed")
Reading = Literal["normal", "moved", "moved far"]


@dataclass(frozen=True)
class Shift:
    """One score or feature: means and medians of both sides, PSI and the `noise` that it must exceed, the
    Kolmogorov-Smirnov distance in [0, 1] and its p-value (Bonferroni-corrected over what was compared)."""

    name: str
    old_mean: float
    new_mean: float
    old_median: float
    new_median: float
    psi: float
    noise: float
    ks: float
    p: float
    reading: Reading


@dataclass(frozen=True)
class ShareShift:
    """A share of documents: both sides, and the 99 % interval of new minus old."""

    name: str
    old: float
    new: float
    low: float
    high: float
    reading: Reading


@dataclass(frozen=True)
class NewPhrase:
    """A place that is marked in more flagged documents than before, with its share of all scored documents."""

    phrase: str
    old: float
    new: float
    documents: int


@dataclass(frozen=True)
class Drift:
    """The comparison. `features` is empty where a side had no texts; `notes` say what could not be compared."""

    old: str
    new: str
    documents: tuple[int, int]
    shares: tuple[ShareShift, ...]
    scores: tuple[Shift, ...]
    features: tuple[Shift, ...]
    phrases: tuple[NewPhrase, ...]
    notes: tuple[str, ...]

    @property
    def moved(self) -> list[Shift | ShareShift]:
        """Everything beyond normal variation."""
        everything: list[Shift | ShareShift] = [*self.shares, *self.scores, *self.features]
        return [item for item in everything if item.reading != "normal"]

    def reading(self) -> list[str]:
        """What it means, in sentences."""
        shares = [s.name for s in self.shares if s.reading != "normal"]
        scores = [s.name for s in self.scores if s.reading != "normal"]
        features = [s.name for s in self.features if s.reading != "normal"]
        if not self.moved:
            return ["Normal variation: nothing differs by more than chance explains. No reason to retrain."]
        lines = []
        if any(name in ABSTENTIONS for name in shares):
            lines.append(
                "The share of abstentions changed: look at how pages are fetched and extracted first."
            )
        if scores or {"spam", "suspect"} & set(shares):
            lines.append(
                "Scores or flags moved: other pages come in, or the spinners changed. Label some of them "
                "(`detector suggest NEW`) to see which; retrain if the detector is wrong about them."
            )
        elif features:
            lines.append(
                "Features moved and scores did not: the pages are of another kind, and the detector takes it. "
                "Check a few flagged ones; no reason to retrain yet."
            )
        return lines

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, every number that was computed."""
        return {"drift": bool(self.moved), "reading": self.reading(), **asdict(self)}


def compare(old: Sample, new: Sample) -> Drift:
    """Compare two samples. Raises ValueError if a side has fewer than MIN_DOCUMENTS scored documents."""
    for side in (old, new):
        if len(side.spun) < MIN_DOCUMENTS:
            raise ValueError(
                f"{side.name}: {len(side.spun)} scored documents of {side.documents}; at least {MIN_DOCUMENTS} are "
                f"needed to tell drift from chance{_because(side)}"
            )
    pairs = {"spun": (old.spun, new.spun), "stuffed": (old.stuffed, new.stuffed)}
    enough = min(len(old.rows), len(new.rows)) >= MIN_DOCUMENTS
    count = len(pairs) + (len(NAMES) if enough else 0)
    scores = tuple(shift(n, np.array(a), np.array(b), count) for n, (a, b) in pairs.items())
    features = tuple(shift(n, old.rows[:, i], new.rows[:, i], count) for i, n in enumerate(NAMES) if enough)
    return Drift(
        old.name, new.name, (old.documents, new.documents), tuple(_shares(old, new)), scores,
        tuple(sorted(features, key=lambda s: -s.psi)), _new_phrases(old, new), tuple(_notes(old, new, enough)),
    )  # fmt: skip


def _because(side: Sample) -> str:
    counts = ", ".join(f"{n:,} {status}" for status, n in side.statuses.items() if status != "scored")
    first = f"; {side.reasons[0]}" if side.reasons else ""
    return f" ({counts}{first})" if counts else ""


def shift(name: str, old: np.ndarray, new: np.ndarray, comparisons: int = 1) -> Shift:
    """Compare one variable; `comparisons` is how many are looked at together."""
    from scipy.stats import chi2, ks_2samp

    index, bins, noise = stability(old, new)
    bound = float(chi2.ppf(CONFIDENCE, bins - 1)) * noise if bins > 1 else 0.0
    test = ks_2samp(old, new, method="asymp")
    p = min(1.0, float(test.pvalue) * comparisons)
    real = index > bound and p < 1.0 - CONFIDENCE
    reading: Reading = (
        "normal" if not real or index < SHIFT else "moved" if index < LARGE_SHIFT else "moved far"
    )
    means, medians = (float(old.mean()), float(new.mean())), (float(np.median(old)), float(np.median(new)))
    return Shift(name, *means, *medians, index, bound, float(test.statistic), p, reading)


def stability(old: np.ndarray, new: np.ndarray) -> tuple[float, int, float]:
    """(PSI, bins, 1/n + 1/m). Bins are the deciles of `old`, those that coincide taken together; half a
    document is added to each bin, so that an empty one does not make it infinite."""
    edges = np.unique(np.quantile(old, np.arange(1, BINS) / BINS, method="higher"))
    bins = len(edges) + 1
    shares = []
    for side in (old, new):
        counts = np.bincount(np.searchsorted(edges, side, side="left"), minlength=bins) + 0.5
        shares.append(counts / counts.sum())
    index = float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
    return index, bins, 1 / len(old) + 1 / len(new)


def difference(old: int, of_old: int, new: int, of_new: int, z: float = Z) -> tuple[float, float]:
    """Newcombe's interval of new/of_new - old/of_old, 99 % for the `z` of CONFIDENCE."""
    before, after = old / of_old, new / of_new
    (low_old, high_old), (low_new, high_new) = _wilson(before, of_old, z), _wilson(after, of_new, z)
    change = after - before
    down = float(np.hypot(after - low_new, high_old - before))
    up = float(np.hypot(high_new - after, before - low_old))
    return change - down, change + up


def _wilson(share: float, count: int, z: float) -> tuple[float, float]:
    middle = share + z * z / (2 * count)
    spread = z * float(np.sqrt(share * (1 - share) / count + z * z / (4 * count * count)))
    return (middle - spread) / (1 + z * z / count), (middle + spread) / (1 + z * z / count)


def _shares(old: Sample, new: Sample) -> list[ShareShift]:
    found = [share_shift(name, old.statuses, new.statuses) for name in ABSTENTIONS]
    return [*(share_shift(name, old.labels, new.labels) for name in ("spam", "suspect")), *found]


def share_shift(name: str, old: Counter[str], new: Counter[str]) -> ShareShift:
    """Compare the share of `name` in two counts."""
    low, high = difference(old[name], old.total(), new[name], new.total())
    before, after = old[name] / old.total(), new[name] / new.total()
    more, less = max(before, after), min(before, after)
    large = more - less >= SHARE_POINTS or more >= SHARE_FACTOR * less
    reading: Reading = "moved" if large and (low > 0 or high < 0) else "normal"
    return ShareShift(name, before, after, low, high, reading)


def _new_phrases(old: Sample, new: Sample) -> tuple[NewPhrase, ...]:
    """Those whose share of documents rose by more than chance, the most frequent first."""
    of_old, of_new = len(old.spun), len(new.spun)
    if not (old.explained and new.explained):
        return ()
    risen = [
        NewPhrase(phrase, old.phrases[phrase] / of_old, count / of_new, count)
        for phrase, count in new.phrases.items()
        if count >= MIN_PHRASE_DOCUMENTS and difference(old.phrases[phrase], of_old, count, of_new)[0] > 0
    ]
    return tuple(sorted(risen, key=lambda p: (p.old - p.new, p.phrase))[:MAX_PHRASES])


def _notes(old: Sample, new: Sample, enough: bool) -> list[str]:
    notes = []
    models = sorted(old.models | new.models)
    if len(models) > 1:
        notes.append(
            f"Several models scored these ({', '.join(models)}): scores and flags may differ for that alone."
        )
    if not enough:
        notes.append(
            "Features not compared: verdicts without texts. Compare the texts themselves, or verdicts made "
            "with --with-text."
        )
    for side in (old, new):
        flagged = side.labels["spam"] + side.labels["suspect"]
        if flagged and not side.explained:
            notes.append(
                f"{side.name}: no evidence in it, so no phrases to compare (made with --no-explain?)."
            )
        if side.reasons:
            notes.append(
                f"{side.name}: {side.statuses['failed']:,} could not be read, such as {side.reasons[0]}"
            )
    return notes
