"""Synonym classes: one class for each word, so that most swaps of a spinner leave the class as it is.

"Synonym of" is not transitive, so there is no one right partition. Of those compared (docs/families.md),
label propagation (Raghavan, Albert, Kumara 2007) over the trusted synonym pairs, the frequent words first,
keeps the most swapped words in their class for the classes that it blurs. No class may grow beyond a share of
running English (Meyerhenke, Sanders, Schulz 2014): with more pairs the largest would swallow the rest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from detector.kernels import kernel
from detector.lexicon.tables import FIRST_WORD, Flag, Lexicon
from detector.lexicon.thesaurus import STRENGTH

SWEEPS = 10
"""Labels are stable after three or four."""
LARGEST = 0.004
"""Share of running English that a class may reach."""


class Graph(NamedTuple):
    """Synonym pairs both ways as rows: the neighbours of word w and their weights lie at
    `offsets[w]:offsets[w + 1]`. offsets int64[W + 1], neighbours int32[M], weights float32[M]."""

    offsets: np.ndarray
    neighbours: np.ndarray
    weights: np.ndarray


def synonym_pairs(lexicon: Lexicon) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(word, other word, strength) of the swaps worth trusting: synset mates and better, no function words.

    The only place here that knows how the lexicon keeps its candidates.
    """
    words = np.repeat(np.arange(len(lexicon.log_count), dtype=np.int32), np.diff(lexicon.candidate_offsets))
    others, strength = lexicon.candidate_ids, lexicon.candidate_strength
    function = is_function(lexicon)
    usable = (strength >= 10 * STRENGTH["synset"]) & ~function[words] & ~function[others]
    return words[usable], others[usable], strength[usable]


def synonym_classes(lexicon: Lexicon) -> np.ndarray:
    """int32[W]: the class of each word, a word id; words without synonyms, function words too, are their own."""
    size = len(lexicon.log_count)
    words, others, strength = synonym_pairs(lexicon)
    graph = _symmetric(size, words, others, strength)
    frequent_first = np.argsort(-lexicon.log_count[FIRST_WORD:], kind="stable") + FIRST_WORD
    labels = np.arange(size, dtype=np.int32)
    _propagate(graph, labels, class_shares(lexicon, labels), frequent_first, SWEEPS, LARGEST)
    return labels


def class_shares(lexicon: Lexicon, classes: np.ndarray) -> np.ndarray:
    """float64[W]: how much of running English belongs to each class."""
    counts = np.exp(lexicon.log_count.astype(np.float64))
    counts[:FIRST_WORD] = 0
    shares: np.ndarray = np.bincount(classes, counts, minlength=len(classes)) / counts.sum()
    return shares


def is_function(lexicon: Lexicon) -> np.ndarray:
    """bool[W]: whether a word is a function word."""
    function: np.ndarray = (lexicon.word_flags & int(Flag.FUNCTION)) > 0
    return function


def _symmetric(size: int, words: np.ndarray, others: np.ndarray, strength: np.ndarray) -> Graph:
    """Each pair both ways, once, with its greater strength."""
    key = np.concatenate([words.astype(np.int64) * size + others, others.astype(np.int64) * size + words])
    weight = np.concatenate([strength, strength]).astype(np.float32)
    order = np.lexsort((weight, key))
    key, weight = key[order], weight[order]
    last = np.append(key[1:] != key[:-1], True) if len(key) else np.zeros(0, bool)
    offsets = np.searchsorted(key[last], np.arange(size + 1, dtype=np.int64) * size)
    return Graph(offsets.astype(np.int64), (key[last] % size).astype(np.int32), weight[last])


@kernel
def _propagate(graph, labels, shares, order, sweeps, largest):  # type: ignore[no-untyped-def]
    """Each word of `order` takes the label with the most weight among its neighbours that has room for it, until
    few change. `shares` float64[W], at first of the words."""
    own = shares.copy()
    offsets, neighbours, weights = graph
    votes = np.zeros(labels.shape[0], np.float32)
    for _ in range(sweeps):
        changed = 0
        for word in order:
            first, last = offsets[word], offsets[word + 1]
            for i in range(first, last):
                votes[labels[neighbours[i]]] += weights[i]
            best = labels[word]
            for i in range(first, last):
                label = labels[neighbours[i]]
                better = votes[label] > votes[best] or (votes[label] == votes[best] and label < best)
                if better and shares[label] + own[word] <= largest:
                    best = label
            for i in range(first, last):
                votes[labels[neighbours[i]]] = 0
            if best != labels[word]:
                shares[labels[word]] -= own[word]
                shares[best] += own[word]
                labels[word] = best
                changed += 1
        if changed * 1000 < order.shape[0]:
            return
