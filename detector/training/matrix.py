"""Texts -> feature matrix, with given token weights; shared by training and `SpunFeatures`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector import features
from detector.document import Document
from detector.kernels import kernel
from detector.lexicon.tables import Lexicon
from detector.packing import pack
from detector.signals.replaced import TokenWeights


@kernel
def _fill(lexicon, weights, buffer, offsets, zone_offsets, kinds, starts, ends, scratch, out, words):
    features.batch_features(
        lexicon, weights, buffer, offsets, zone_offsets, kinds, starts, ends, scratch, out, words
    )


def feature_matrix(
    lexicon: Lexicon, token_weights: TokenWeights, documents: Sequence[str | Document]
) -> np.ndarray:
    """float32[D, WIDTH]; see `features.NAMES`. Raises nothing for any text; an empty text gives zeros."""
    batch = pack([Document(d) if isinstance(d, str) else d for d in documents])
    out = np.zeros((len(documents), features.WIDTH), np.float32)
    words = np.zeros((len(documents), 2), np.int64)
    _fill(lexicon, token_weights, *batch.arrays, features.new_scratch(batch.longest), out, words)
    return out
