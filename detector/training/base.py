"""What a later training needs of the shipped one, as numbers: no text can be read back from it.

`<model>.base.npz` beside a bundle holds, for each of D training documents, its features out of fold (8-bit
codes into `levels`), labels, weight, source, kind, fold and the log-odds of both heads out of fold; the frozen
hold-out (a fifth of the groups, for `evaluate` and the gate alone) with sketches by which a copy is known; and
the Fisher information of the token stage on all training tokens, which says how well each weight is known.
Read like a bundle: no pickle, sizes capped, checked against the hash in the model's manifest.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detector import features
from detector.lexicon.tables import Lexicon
from detector.model import HEADS, MAX_FILE_BYTES, Model, ModelError, read_array, write_synced, zip_reader
from detector.signals.replaced import SIZE
from detector.training.examples import Example, stable_hash
from detector.training.token_stage import collect_tokens

SCHEMA = 1
CHUNK = 500_000
LEVELS = 256
HOLDOUT = 5
"""One group in so many is frozen."""
SHINGLE, SKETCH = 8, 16
"""Words in a shingle; how many of a text's smallest shingle hashes are kept (bottom-k sketch, Broder 1997)."""
NO_SHINGLE = (1 << 29) - 1
"""Fills a sketch of a text with fewer shingles; their hashes have 29 bits."""
INFORMATION_STEP = 4.0
"""Codes per natural logarithm of the information, counted from -8."""
ARRAYS = {
    "codes.npy": ("uint8", (-1, features.WIDTH)),
    "levels.npy": ("float32", (features.WIDTH, LEVELS)),
    "labels.npy": ("int8", (-1, 2)),
    "weights.npy": ("float32", (-1,)),
    "source.npy": ("int32", (-1,)),
    "kind.npy": ("int32", (-1,)),
    "group.npy": ("int32", (-1,)),
    "fold.npy": ("int8", (-1,)),
    "odds.npy": ("float32", (-1, 2)),
    "holdout.npy": ("uint8", (-1,)),
    "sketch.npy": ("uint32", (-1, SKETCH)),
    "information.npy": ("uint8", (SIZE,)),
}
ROWS = ("codes", "labels", "weights", "source", "kind", "group", "fold", "odds", "holdout")


@dataclass(frozen=True)
class Base:
    """D documents of the shipped training. `matrix` float32[D, WIDTH], out of fold; `labels` int64[D, 2] (spun,
    stuffed: 1, 0, or -1 unknown); `weights` float64[D]; `source` and `kind` are names, `group` numbers of what
    belongs together; `odds` float64[D, 2] raw log-odds out of fold; `holdout` bool[D]; `sketch` uint32[H, SKETCH]
    of the frozen ones; `information` float32[SIZE] of the token stage."""

    matrix: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    source: np.ndarray
    kind: np.ndarray
    group: np.ndarray
    fold: np.ndarray
    odds: np.ndarray
    holdout: np.ndarray
    sketch: np.ndarray
    information: np.ndarray
    digest: str


def base_of(model: Path) -> Path:
    """Where the base of a bundle lies: beside it."""
    return model.with_name(f"{model.name}.base.npz")


def token_information(lexicon: Lexicon, examples: list[Example], weights: np.ndarray) -> np.ndarray:
    """float64[SIZE]: sum of p (1 - p) over the tokens that each weight of the token stage takes part in, the
    diagonal of the Fisher information of a logistic regression."""
    data = collect_tokens(lexicon, examples)
    information = np.zeros(SIZE)
    for start in range(0, len(data.labels), CHUNK):
        rows = slice(start, start + CHUNK)
        odds = weights[data.active[rows]].sum(axis=1, dtype=np.float64)
        p = 1.0 / (1.0 + np.exp(-odds))
        spread = data.weights[rows] * p * (1.0 - p)
        for column in data.active[rows].T:
            information += np.bincount(column, spread, SIZE)
    return information


def sketch_of(text: str) -> np.ndarray:
    """uint32[SKETCH]: the smallest hashes of the text's runs of SHINGLE words, NO_SHINGLE where it has fewer."""
    words = re.findall(r"\w+", text.lower())
    runs = {
        stable_hash(" ".join(words[i : i + SHINGLE])) >> 3 for i in range(max(1, len(words) - SHINGLE + 1))
    }
    smallest = sorted(runs)[:SKETCH]
    return np.array(smallest + [NO_SHINGLE] * (SKETCH - len(smallest)), np.uint32)


def encode_base(
    examples: Sequence[Example],
    matrix: np.ndarray,
    weights: np.ndarray,
    folds: np.ndarray,
    odds: np.ndarray,
    information: np.ndarray,
) -> bytes:
    """The bytes of a base file; the same input gives the same bytes. `odds` float64[D, 2]."""
    levels, codes = _quantise(matrix)
    sources, source = _names([e.source for e in examples])
    kinds, kind = _names([e.kind for e in examples])
    _, group = _names([e.group for e in examples])
    holdout = np.array([stable_hash(f"holdout:{e.group}") % HOLDOUT == 0 for e in examples])
    labels = [[-1 if value is None else value for value in (e.spun, e.stuffed)] for e in examples]
    arrays = {
        "codes": codes, "levels": levels, "labels": np.array(labels), "weights": weights, "source": source,
        "kind": kind, "group": group, "fold": folds, "odds": odds, "holdout": holdout,
        "sketch": np.array([sketch_of(e.text) for e, held in zip(examples, holdout, strict=True) if held]).reshape(-1, SKETCH),
        "information": _log_codes(information),
    }  # fmt: skip
    manifest = {
        "schema": SCHEMA, "feature_version": features.VERSION, "features": list(features.NAMES),
        "heads": list(HEADS), "sources": sources, "kinds": kinds,
    }  # fmt: skip
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("manifest.json"), json.dumps(manifest), zipfile.ZIP_DEFLATED)
        for name, (dtype, _) in ARRAYS.items():
            file = io.BytesIO()
            np.save(file, np.ascontiguousarray(arrays[name.removesuffix(".npy")], dtype=dtype))
            archive.writestr(zipfile.ZipInfo(name), file.getvalue(), zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _quantise(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(levels float32[WIDTH, LEVELS], codes uint8[D, WIDTH]): each value becomes the nearest quantile of its
    feature."""
    levels = np.quantile(matrix, np.linspace(0, 1, LEVELS), axis=0, method="nearest").T.astype(np.float32)
    codes = np.empty(matrix.shape, np.uint8)
    for j, column in enumerate(levels):
        above = np.clip(np.searchsorted(column, matrix[:, j]), 1, LEVELS - 1)
        nearer = matrix[:, j] - column[above - 1] < column[above] - matrix[:, j]
        codes[:, j] = above - nearer
    return levels, codes


def _names(values: list[str]) -> tuple[list[str], np.ndarray]:
    names = sorted(set(values))
    number = {name: i for i, name in enumerate(names)}
    return names, np.array([number[value] for value in values])


def _log_codes(information: np.ndarray) -> np.ndarray:
    """0 for none, else its logarithm in steps."""
    steps = 1 + np.round(INFORMATION_STEP * (np.log(np.maximum(information, 1e-9)) + 8.0))
    return np.where(information > 0, np.clip(steps, 1, 255), 0)


def save_base(model: Path, data: bytes) -> None:
    """Put the base beside its bundle, in one rename. Raises OSError."""
    path = base_of(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.tmp")
    write_synced(fresh, data)
    fresh.replace(path)


def load_base(model: Model, folder: Path) -> Base:
    """The base of `model`, from beside its `folder`. Raises ModelError if there is none, or it is not the one
    that the model's manifest names."""
    path = base_of(folder)
    if not path.exists():
        raise ModelError(f"{path} is missing: without it no training can continue from {model.name}")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != model.manifest.get("base"):
        raise ModelError(f"{path} does not belong to {model.name}: its hash is not the one in the manifest")
    read = zip_reader(path)
    manifest = json.loads(read("manifest.json", MAX_FILE_BYTES))
    if manifest["schema"] != SCHEMA or tuple(manifest["features"]) != features.NAMES:
        raise ModelError(f"{path} was made for other features than this release computes: retrain it")
    stored: dict[str, Any] = {
        name.removesuffix(".npy"): read_array(path, name, read(name, MAX_FILE_BYTES), dtype, shape)
        for name, (dtype, shape) in ARRAYS.items()
    }
    if len({len(stored[name]) for name in ROWS}) > 1:
        raise ModelError(f"{path}: its arrays differ in length")
    codes = stored["information"].astype(np.float32)
    return Base(
        stored["levels"][np.arange(features.WIDTH), stored["codes"]],
        stored["labels"].astype(np.int64),
        stored["weights"].astype(np.float64),
        np.array(manifest["sources"])[stored["source"]],
        np.array(manifest["kinds"])[stored["kind"]],
        stored["group"],
        stored["fold"],
        stored["odds"].astype(np.float64),
        stored["holdout"].astype(bool),
        stored["sketch"],
        np.where(codes > 0, np.exp((codes - 1.0) / INFORMATION_STEP - 8.0), 0.0),
        digest,
    )
