"""Which documents are worth comparing: MinHash signatures and locality-sensitive hashing.

Signatures are datasketch's. Its index keeps 30 kB a document (one dictionary entry for each band); sorting
the bands finds the same pairs with the signatures alone, 768 bytes a document.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from datasketch import MinHash

BANDS, ROWS = 96, 2
"""Two documents that share the fraction j of their shingles meet in a band with probability
1 - (1 - j^2)^96: 0.62 at j = 0.1, 0.89 at 0.15, 0.98 at 0.2. Unrelated ones share 0.004."""
WINDOW = 8
"""A document meets so many of those before it in a band. This bounds the work where thousands share a
footer; members of a family meet in many bands."""
MIN_SHARED = 8
"""Of the 192 values of two signatures, how many must agree: a glance before the alignment."""
CHUNK = 1 << 14


class Signatures:
    """The signatures of a corpus, uint32[D, 192], growing as documents come."""

    def __init__(self) -> None:
        self._prototype = MinHash(BANDS * ROWS, hashfunc=int, scheme="affine32")
        self._rows = np.empty((1 << 10, BANDS * ROWS), np.uint32)
        self._count = 0

    def add(self, shingles: np.ndarray) -> None:
        """Note the next document; `shingles` uint32[S]."""
        if self._count == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        sketch = self._prototype.copy()
        sketch.update_batch(shingles.tolist())
        self._rows[self._count] = sketch.hashvalues
        self._count += 1

    @property
    def rows(self) -> np.ndarray:
        """The signatures so far."""
        return self._rows[: self._count]

    def pairs(self) -> np.ndarray:
        """int64[P, 2]: pairs (earlier, later) that probably share much, the most alike first."""
        rows = self.rows
        filled = np.flatnonzero((rows != np.iinfo(np.uint32).max).any(axis=1))
        keys = [np.zeros(0, np.int64)]
        kept = 0
        for band in range(BANDS):
            for a, b in _meetings(rows[filled, band * ROWS : (band + 1) * ROWS]):
                pairs = np.stack([filled[a], filled[b]], axis=1)
                alike = self._shared(pairs) >= MIN_SHARED
                keys.append((pairs[alike, 0] << 32) | pairs[alike, 1])
            if sum(map(len, keys)) > 2 * kept + CHUNK:  # the same pairs meet again: keep each once
                keys = [np.unique(np.concatenate(keys))]
                kept = len(keys[0])
        found = np.unique(np.concatenate(keys))
        pairs = np.stack([found >> 32, found & 0xFFFFFFFF], axis=1)
        shared = [self._shared(pairs[start : start + CHUNK]) for start in range(0, len(pairs), CHUNK)]
        order = np.argsort(-np.concatenate([np.zeros(0, np.int64), *shared]), kind="stable")
        return pairs[order]

    def _shared(self, pairs: np.ndarray) -> np.ndarray:
        """int64[P]: how many of the 192 values agree in each pair."""
        shared: np.ndarray = (self._rows[pairs[:, 0]] == self._rows[pairs[:, 1]]).sum(axis=1)
        return shared


def _meetings(band: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of `band` uint32[D, 2] that are equal: index arrays (earlier, later), in chunks."""
    keys = (band[:, 0].astype(np.uint64) << np.uint64(32)) | band[:, 1]
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    for distance in range(1, WINDOW + 1):
        equal = np.flatnonzero(keys[distance:] == keys[:-distance])
        for start in range(0, len(equal), CHUNK):
            at = equal[start : start + CHUNK]
            yield order[at], order[at + distance]
