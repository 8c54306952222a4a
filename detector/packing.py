"""Documents -> the flat arrays that kernels take: one byte buffer, offsets, zones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detector.document import Document


@dataclass(frozen=True)
class Batch:
    """`arrays`: buffer uint8, offsets int64[D+1], zone offsets int64[D+1], then per zone its kind uint8,
    start and end int32 (code points). `longest`: bytes of the longest document."""

    arrays: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    longest: int


def pack(documents: Sequence[Document]) -> Batch:
    """Encode as UTF-8, lone surrogates included, so that any string can be scored."""
    encoded = [document.text.encode("utf-8", "surrogatepass") for document in documents]
    zones = [zone for document in documents for zone in document.zones]
    arrays = (
        np.frombuffer(b"".join(encoded), np.uint8),
        _offsets([len(data) for data in encoded]),
        _offsets([len(document.zones) for document in documents]),
        np.array([zone.kind for zone in zones], np.uint8),
        np.array([zone.start for zone in zones], np.int32),
        np.array([zone.end for zone in zones], np.int32),
    )
    return Batch(arrays, max(map(len, encoded), default=0))


def _offsets(lengths: list[int]) -> np.ndarray:
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets
