"""What a change of a head does to the documents of the base: rows by source, and what is found in each."""

from __future__ import annotations

import numpy as np

from detector.model import POLICIES

RATE = POLICIES["balanced"]
"""False-positive rate at which models are compared."""
FEWEST = 10
"""Documents of a source below which it is counted among "other"."""
WATCHED = 100
"""Documents from which a row is looked at by itself: fewer can't show a fall of a hundredth, and are looked at together."""
MOST_LOST, MOST_LOST_OVERALL = 0.005, 0.002
"""Share of a row's spam, and of all spam, that a correction may cost."""
KNOWN_LOST, KNOWN_FLAGGED = 0.01, 0.005
"""Shares of known spun texts that a change of the token stage may lose, and of honest ones that it may flag."""


def row_names(source: np.ndarray, kind: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The row that each document counts in: simulated spinning by kind, the rest by source; small sources
    together. `labels` int[D, 2]."""
    names = []
    for s, k, (spun, stuffed) in zip(source.tolist(), kind.tolist(), labels.tolist(), strict=True):
        if spun == 1 and s.startswith("spun:"):
            names.append(f"simulated, kind {k}")
        elif stuffed == 1 and s.startswith("stuffed:"):
            names.append("simulated stuffing")
        else:
            names.append(s)
    found, place, counts = np.unique(names, return_inverse=True, return_counts=True)
    small = np.where((labels == 1).any(axis=1), "other spam", "other honest")
    return np.where(counts[place] >= FEWEST, found[place], small)


def weighted_quantile(values: np.ndarray, weights: np.ndarray, above: float) -> float:
    """The value that a share `above` of the weight exceeds."""
    order = np.argsort(-values)
    share = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][np.searchsorted(share, above)])


def harms(
    before: np.ndarray,
    after: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    names: np.ndarray,
    rate: float,
) -> bool:
    """Whether so much less spam is found, with a share `rate` of honest documents flagged, that a correction
    should be held more firmly. `before`, `after` float64[D] log-odds, `labels` int[D] of one head, `names` as
    `row_names` gives them."""
    clean, spam = labels == 0, labels == 1
    found = [odds[spam] > weighted_quantile(odds[clean], weights[clean], rate) for odds in (before, after)]
    change = found[1].astype(np.int64) - found[0]
    if change.mean() < -MOST_LOST_OVERALL:
        return True
    found_names, place, counts = np.unique(names[spam], return_inverse=True, return_counts=True)
    place = np.where(counts[place] >= WATCHED, place, len(found_names))
    allowed = np.maximum(MOST_LOST * np.bincount(place), 1.0)  # one document more or less says nothing
    return bool((np.bincount(place, change) < -allowed).any())
