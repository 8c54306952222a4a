"""Active learning: which documents of a corpus are worth a label?

Four answers, each with a share of the batch: what the model is unsure of (uncertainty sampling, Lewis and Gale
1994), what the policy flags (is it right?), what it would miss though something hints at it, and a random part
of the rest, without which nobody notices what no signal sees. Within an answer the batch is spread over kinds
of pages: k-means over a few times as many candidates, one from each cluster (Zhdanov 2019).
"""

from __future__ import annotations

import hashlib
import heapq
import math
import random
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np

from detector.document import Document
from detector.features import NAMES
from detector.scoring import MAX_CHARACTERS, Detector
from detector.training.matrix import feature_matrix
from detector.verdict import Verdict

Reason = Literal["uncertain", "flagged", "missed", "random"]
SHARES: dict[Reason, float] = {"uncertain": 0.4, "missed": 0.25, "flagged": 0.2, "random": 0.15}
"""How a batch is divided. What a group lacks goes to the others, in this order."""
HINTS = {
    "replaced_densest": "in one passage of it many words look replaced",
    "phrase_band_0": "it has phrases that spinners write and hardly anyone else",
    "spintax_groups": "{alternatives|in braces} are left in it",
    "disguise_words": "words are written in look-alike letters",
    "stuffing_top_3gram": "one phrase of three words is repeated often",
}
"""Features of which the highest values among unflagged documents are looked at, and what each says."""
CANDIDATES = 10
"""Candidates kept for each place in the batch."""
CHUNK = 256


@dataclass(frozen=True)
class Suggestion:
    """A document worth labelling, its verdict under the policy in force, and why it was chosen: `reason`, and
    `why` as a clause for people."""

    document: Document
    verdict: Verdict
    reason: Reason
    why: str

    def to_dict(self) -> dict[str, Any]:
        """A record of a file of labels (docs/formats.md) with the answers left open."""
        return {
            "id": self.document.id,
            "text": self.document.text[:MAX_CHARACTERS],
            "spun": None,
            "stuffed": None,
            "source": _host(self.document.url or ""),
            "annotator": "",
            "date": "",
            "pair": "",
            "reason": self.reason,
            "why": self.why,
        }


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # an address that is none
        return ""


@dataclass(frozen=True)
class _Candidate:
    document: Document
    verdict: Verdict
    row: np.ndarray
    why: str


class _Best:
    """The `size` candidates of the highest priority that were offered."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._heap: list[tuple[float, int, _Candidate]] = []
        self._offered = 0

    def offer(self, priority: float, candidate: _Candidate) -> None:
        self._offered += 1
        entry = (priority, -self._offered, candidate)
        if len(self._heap) < self._size:
            heapq.heappush(self._heap, entry)
        elif entry > self._heap[0]:
            heapq.heapreplace(self._heap, entry)

    def ranked(self) -> list[_Candidate]:
        return [candidate for _, _, candidate in sorted(self._heap, reverse=True, key=lambda e: e[:2])]


def text_key(text: str) -> str:
    """The hash by which labels know a text (`Label.key`)."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def suggest(
    detector: Detector,
    documents: Iterable[Document],
    count: int = 50,
    labelled: Collection[str] = (),
    seed: int = 0,
) -> list[Suggestion]:
    """At most `count` documents worth labelling, each text once, groups taking turns.

    `labelled` holds the `text_key` of what is labelled already. What the detector abstains on is left out.
    The corpus is read once; memory is bounded but for a hash of each text. Raises ValueError for a count
    below 1.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    groups = _collect(detector, documents, CANDIDATES * count, set(labelled), random.Random(seed))
    chosen: dict[int, Suggestion] = {}
    wanted = {reason: math.ceil(count * share) for reason, share in SHARES.items()}
    for quota in (wanted, dict.fromkeys(SHARES, count)):  # the second time: what other groups lacked
        for reason in SHARES:
            room = min(quota[reason], count - len(chosen))
            free = [c for c in groups[reason] if id(c.document) not in chosen]
            for c in _spread(free, room) if reason != "random" else free[:room]:
                chosen[id(c.document)] = Suggestion(c.document, c.verdict, reason, c.why)
    return _in_turns(list(chosen.values()))


def _collect(
    detector: Detector, documents: Iterable[Document], size: int, seen: set[str], rng: random.Random
) -> dict[Reason, list[_Candidate]]:
    uncertain, flagged, rest = _Best(size), _Best(size), _Best(size)
    hints = {name: _Best(max(size // len(HINTS), 10)) for name in HINTS}
    columns = {name: NAMES.index(name) for name in HINTS}
    for document, verdict, row in _measured(detector, documents, seen):
        nearest, why = _margin(detector, verdict)
        uncertain.offer(-nearest, _Candidate(document, verdict, row, why))
        if verdict.flagged:
            why = f"flagged: {_scores(verdict)}; is that right?"
            flagged.offer(rng.random(), _Candidate(document, verdict, row, why))
            continue
        for name, says in HINTS.items():
            if row[columns[name]] > 0.0:
                why = f"not flagged: {_scores(verdict)}; but {says}"
                hints[name].offer(float(row[columns[name]]), _Candidate(document, verdict, row, why))
        why = f"not flagged: {_scores(verdict)}; drawn at random"
        rest.offer(rng.random(), _Candidate(document, verdict, row, why))
    missed = _first_of_each([best.ranked() for best in hints.values()])
    return {
        "uncertain": uncertain.ranked(), "missed": missed, "flagged": flagged.ranked(), "random": rest.ranked(),
    }  # fmt: skip


def _measured(
    detector: Detector, documents: Iterable[Document], seen: set[str]
) -> Iterator[tuple[Document, Verdict, np.ndarray]]:
    """(document, verdict, features) of those that are scored, each text once."""
    weights = detector.model.heads.token_weights
    source = iter(documents)
    while chunk := list(islice(source, CHUNK)):
        fresh = []
        for document in chunk:
            key = text_key(document.text)
            if key not in seen:
                seen.add(key)
                fresh.append(document)
        verdicts = detector.score_batch(fresh, evidence=False)
        scored = [(d, v) for d, v in zip(fresh, verdicts) if v.status == "scored"]
        rows = feature_matrix(detector.lexicon.tables, weights, [d for d, _ in scored])
        yield from ((document, verdict, row) for (document, verdict), row in zip(scored, rows))


def _margin(detector: Detector, verdict: Verdict) -> tuple[float, str]:
    """How far, in log-odds, the nearer head is from its threshold; and in words."""
    distances = []
    for head, threshold in zip(("spun", "stuffed"), detector.thresholds):
        score = getattr(verdict, head)
        why = f"{head} {score:.0%}, and the policy flags from {threshold:.0%}"
        distances.append((abs(_log_odds(score) - _log_odds(threshold)), why))
    return min(distances)


def _log_odds(probability: float) -> float:
    inside = min(max(probability, 1e-9), 1.0 - 1e-9)
    return math.log(inside / (1.0 - inside))


def _scores(verdict: Verdict) -> str:
    return f"spun {verdict.spun:.0%}, stuffed {verdict.stuffed:.0%}"


def _first_of_each(lists: list[list[_Candidate]]) -> list[_Candidate]:
    """The first of each list, then the second of each, and so on; each document once."""
    found: dict[int, _Candidate] = {}
    for rank in range(max(map(len, lists), default=0)):
        for candidates in lists:
            if rank < len(candidates):
                found.setdefault(id(candidates[rank].document), candidates[rank])
    return list(found.values())


def _spread(candidates: list[_Candidate], count: int) -> list[_Candidate]:
    """`count` of the first CANDIDATES * count that differ from one another; the first weigh more."""
    pool = candidates[: CANDIDATES * count]
    if count <= 0 or len(pool) <= count:
        return pool[: max(count, 0)]
    from sklearn.cluster import KMeans

    rows = np.array([c.row for c in pool], np.float64)
    scaled = (rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-6)
    weights = np.linspace(1.0, 1.0 / len(pool), len(pool))
    means = KMeans(count, n_init=1, random_state=0).fit(scaled, sample_weight=weights)
    distance = means.transform(scaled)[np.arange(len(pool)), means.labels_]
    nearest = [
        min(np.flatnonzero(means.labels_ == k), key=distance.__getitem__) for k in np.unique(means.labels_)
    ]
    return [pool[i] for i in sorted(nearest)]


def _in_turns(suggestions: list[Suggestion]) -> list[Suggestion]:
    """Groups taking turns, so that the first few labels already say something of each."""
    ranks: dict[Reason, int] = dict.fromkeys(SHARES, 0)
    keyed = []
    for suggestion in suggestions:
        keyed.append((ranks[suggestion.reason], list(SHARES).index(suggestion.reason), suggestion))
        ranks[suggestion.reason] += 1
    return [suggestion for _, _, suggestion in sorted(keyed, key=lambda item: item[:2])]
