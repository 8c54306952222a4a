"""Known texts: every kind is there, each once, and a model that is spoiled is seen on them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from detector.signals.replaced import pack_weights, unpack_weights
from detector.spinner.profiles import KINDS
from detector.training.continued import Start
from detector.training.known import HONEST, KNOWN, known_flags, known_texts, pack
from detector.training.matrix import feature_matrix

CORPUS = Path(__file__).parents[2] / "training_data"


def test_every_kind_is_there_and_each_text_once() -> None:
    texts = known_texts()
    counts = Counter(known.kind for known in texts)
    assert {kind for kind in counts if kind != HONEST} <= set(KINDS)
    assert min(counts.values()) >= 30
    assert counts[HONEST] >= 300
    assert len({known.text for known in texts}) == len(texts)


def test_packing_is_repeatable(tmp_path: Path) -> None:
    count = pack(CORPUS, tmp_path / "one.xz")
    assert count == pack(CORPUS, tmp_path / "two.xz") >= len(known_texts())
    assert (tmp_path / "one.xz").read_bytes() == (tmp_path / "two.xz").read_bytes()
    assert KNOWN.exists()


def test_flags_are_those_of_the_spun_head(start: Start) -> None:
    flags = known_flags(start.model, start.lexicon.tables)
    matrix = feature_matrix(
        start.lexicon.tables, start.model.heads.token_weights, [known.text for known in known_texts()[:20]]
    )
    trees, scale = start.heads()[0], start.model.arrays["scales.npy"][0]
    odds = trees.raw(matrix) * scale[1] + scale[2]
    assert np.array_equal(flags[:20], 1 / (1 + np.exp(-odds)) >= start.model.thresholds(0.01)[0])
    silent = pack_weights(np.zeros_like(unpack_weights(start.model.heads.token_weights)))
    assert known_flags(start.model, start.lexicon.tables, silent).shape == flags.shape
