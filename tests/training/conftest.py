"""A small world to continue training in: a made-up model, and a base on which it is right nine times in ten."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from detector.lexicon.tables import LexiconFiles
from detector.model import save_model
from detector.signals.replaced import SIZE, pack_weights
from detector.training.base import encode_base, save_base
from detector.training.continued import Start
from detector.training.examples import Example
from detector.training.fit import FPR_GRID, rate_thresholds
from detector.training.matrix import feature_matrix
from tests.bundles import make_arrays, make_manifest
from tests.texts import HONEST, SPUN, STUFFED

ROWS = 1500


def base_examples() -> list[Example]:
    """A third honest prose, a third spun by kinds A and B, a third stuffed or honest listings."""
    examples = []
    for i in range(ROWS):
        group, words = f"g{i // 2}", " ".join(f"w{i * 100 + j}" for j in range(30))
        if i % 3 == 0:
            examples.append(Example(words, ("prose", "forum")[i % 2], group, 0, 0))
        elif i % 3 == 1:
            examples.append(Example(words, "spun:prose", group, 1, 0, 1.0, "AB"[i % 2]))
        else:
            examples.append(Example(words, ("stuffed:prose", "listing")[i % 2], group, None, 1 - i % 2))
    return examples


@pytest.fixture(scope="session")
def start_folder(lexicon: LexiconFiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with its base beside it."""
    folder = tmp_path_factory.mktemp("start") / "model"
    generator = np.random.default_rng(3)
    examples = base_examples()
    signs = np.array([[2 * (e.spun or 0) - 1, 2 * (e.stuffed or 0) - 1] for e in examples])
    arrays = make_arrays()
    weights = pack_weights(arrays["token_weights.npy"])
    honest, spun, stuffed = feature_matrix(lexicon.tables, weights, [HONEST, SPUN, STUFFED])
    share = np.clip(0.5 + 0.25 * signs + generator.normal(size=signs.shape) * 0.2, 0, 1)
    matrix = honest + share[:, :1] * (spun - honest) + share[:, 1:] * (stuffed - honest)
    matrix = (matrix * generator.uniform(0.7, 1.3, matrix.shape)).astype(np.float32)
    odds = 2.5 * signs + generator.normal(size=signs.shape) * 1.5
    base = encode_base(
        examples, matrix, np.ones(ROWS), np.arange(ROWS) // 2 % 4, odds, generator.exponential(2.0, SIZE)
    )
    save_base(folder, base)
    clean = [np.array([getattr(e, head) == 0 for e in examples]) for head in ("spun", "stuffed")]
    curves = [rate_thresholds(odds[rows, h], np.ones(rows.sum())) for h, rows in enumerate(clean)]
    arrays["curves.npy"] = np.array(curves)
    arrays["scales.npy"] = np.array([[0.1, 1.0, 0.0], [-0.2, 1.0, 0.0]])
    manifest = make_manifest(
        lexicon=lexicon.digest, base=hashlib.sha256(base).hexdigest(), fpr_grid=list(FPR_GRID)
    )
    save_model(folder, manifest, arrays)
    return folder


@pytest.fixture(scope="session")
def start(start_folder: Path) -> Start:
    return Start.open(start_folder)
