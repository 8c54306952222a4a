"""Texts -> feature matrix, with given token weights; shared by training and `SpunFeatures`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector import features
from detector.document import Document
from detector.lexicon.tables import Lexicon
from detector.packing import pack
from detector.signals.replaced import TokenWeights


def feature_matrix(
    lexicon: Lexicon, token_weights: TokenWeights, documents: Sequence[str | Document]
) -> np.ndarray:
    """float32[D, WIDTH]; see `features.NAMES`. Raises nothing for any text; an empty text gives zeros."""
    batch = pack([Document(d) if isinstance(d, str) else d for d in documents])
    out = np.zeros((len(documents), features.WIDTH), np.float32)
    words = np.zeros((len(documents), 2), np.int64)
    scratch = features.new_scratch(batch.longest)
    features.batch_features(lexicon, token_weights, *batch.arrays, scratch, out, words)
    return out
