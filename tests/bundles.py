"""Model bundles of the current shape with seeded weights: small, valid, not good at anything."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from detector import features
from detector.model import save_model
from detector.signals.replaced import SIZE

GRID = [0.0005, 0.005, 0.025, 0.25]


def make_manifest(**changes: Any) -> dict[str, Any]:
    manifest = {
        "name": "test",
        "version": "1.2.3",
        "feature_version": features.VERSION,
        "features": list(features.NAMES),
        "lexicon": "0" * 64,
        "fpr_grid": GRID,
    }
    return manifest | changes


def make_arrays(seed: int = 7) -> dict[str, np.ndarray]:
    """Weights under which about every third word looks replaced and scores spread over (0, 1)."""
    generator = np.random.default_rng(seed)
    stumps = 160
    trees = np.zeros((3 * stumps, 5))
    trees[0::3, 0] = generator.integers(0, features.WIDTH, stumps)
    trees[0::3, 1] = generator.uniform(0.0, 0.1, stumps)
    trees[0::3, 2], trees[0::3, 3] = np.arange(1, 3 * stumps, 3), np.arange(2, 3 * stumps, 3)
    for leaf in (1, 2):
        trees[leaf::3, 0] = -1.0
        trees[leaf::3, 4] = generator.normal(0.0, 0.4, stumps)
    roots = np.arange(0, 3 * stumps, 3, dtype=np.int32)
    return {
        "token_weights.npy": generator.normal(-0.12, 0.3, SIZE).astype(np.float16),
        "trees.npy": trees,
        "spun_roots.npy": roots[::2].copy(),
        "stuffed_roots.npy": roots[1::2].copy(),
        "scales.npy": np.array([[0.1, 1.0, 0.0], [-0.2, 1.1, 0.1]]),
        "curves.npy": np.array([[4.0, 3.0, 2.0, -1.0], [5.0, 4.0, 3.0, 0.0]]),
    }


def make_bundle(folder: Path, seed: int = 7, **changes: Any) -> Path:
    save_model(folder, make_manifest(**changes), make_arrays(seed))
    return folder


def replace_file(folder: Path, name: str, data: bytes) -> None:
    """Put `data` into a bundle and make the manifest agree, as an attacker would."""
    (folder / name).write_bytes(data)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"][name] = hashlib.sha256(data).hexdigest()
    path.write_text(json.dumps(manifest))


def replace_array(folder: Path, name: str, array: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    replace_file(folder, name, buffer.getvalue())


def zipped(folder: Path, target: Path, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(target, "w", method) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
    return target
