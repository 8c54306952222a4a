"""The model bundle: arrays plus a JSON manifest, checked before use; loading executes no code.

A bundle is a directory or a `.zip` of it: `manifest.json` (schema, name, version, feature version and names,
hash of each file and of the lexicon, thresholds, metrics, training record), `token_weights.npy` (float16),
the decision trees of both heads (`trees.npy`, `spun_roots.npy`, `stuffed_roots.npy`, `scales.npy`; see
`features.head_odds`), `curves.npy` (float64[2, G]: thresholds on the log-odds at the false-positive rates of
the manifest's `fpr_grid`).
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import shutil
import struct
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detector import features
from detector.paths import SHIPPED
from detector.signals.replaced import SIZE

SCHEMA = 1
HEADS = ("spun", "stuffed")
HEAD_SHARES = (0.7, 0.3)
"""How a policy's false-positive rate is divided: stuffing is the easier question, and needs less of it."""
POLICIES = {"precise": 0.001, "balanced": 0.01, "sensitive": 0.05}
"""False-positive rate on clean documents that each policy allows, both heads together."""
MAX_FILE_BYTES = 16 << 20
MAX_MANIFEST_BYTES = 1 << 20
SWAP_WAITS = (0.01, 0.04)
"""Seconds before a bundle that does not load is read again: a new one may have been swapped in meanwhile."""
ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The ones that unpack in bounded steps."""
ARRAYS = {
    "token_weights.npy": ("float16", (SIZE,)),
    "trees.npy": ("float64", (-1, 5)),
    "spun_roots.npy": ("int32", (-1,)),
    "stuffed_roots.npy": ("int32", (-1,)),
    "scales.npy": ("float64", (2, 3)),
    "curves.npy": ("float64", (2, -1)),
}


Reader = Callable[[str, int], bytes]
"""(file name, most bytes allowed) -> content; raises ModelError."""


class ModelError(ValueError):
    """A bundle can't be used; the message says which file, what is wrong with it and what to do."""


@dataclass(frozen=True)
class Model:
    """A loaded bundle; `heads` goes into kernels as it is."""

    manifest: dict[str, Any]
    heads: features.Heads
    curves: np.ndarray
    digest: str

    @property
    def name(self) -> str:
        """`name@version#hash`, as it stands in every verdict."""
        return f"{self.manifest['name']}@{self.manifest['version']}#{self.digest[:8]}"

    def thresholds(self, fpr: float) -> tuple[float, float]:
        """Probabilities of `spun` and `stuffed` above which a share `fpr` of clean documents lies.

        `fpr` is divided as HEAD_SHARES says. Log-linear between the rates measured on calibration data.
        Raises ValueError outside (0, 0.5].
        """
        if not 0.0 < fpr <= 0.5:
            raise ValueError(f"fpr must lie in (0, 0.5], got {fpr}")
        grid = np.log(np.array(self.manifest["fpr_grid"], np.float64))
        spun, stuffed = (
            _sigmoid(float(np.interp(math.log(fpr) + math.log(share), grid, curve)))
            for share, curve in zip(HEAD_SHARES, self.curves, strict=True)
        )
        return spun, stuffed


def _sigmoid(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-value)) if value > -700 else 0.0


def load_model(source: str | Path = SHIPPED) -> Model:
    """Read and check a bundle (directory or .zip). Raises ModelError."""
    path = Path(source)
    for wait in SWAP_WAITS:
        try:
            return _load(path)
        except ModelError:
            time.sleep(wait)
    return _load(path)


def _load(path: Path) -> Model:
    if not path.exists() and previous_of(path).is_dir():
        path = previous_of(path)  # a saving process died between its two renames
    if not path.exists():
        raise ModelError(f"{path}: no such model; `detector train` makes one")
    read = _zip_reader(path) if path.is_file() else _folder_reader(path)
    raw = read("manifest.json", MAX_MANIFEST_BYTES)
    try:
        manifest = json.loads(raw)
        _check_manifest(manifest)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{path}: manifest.json is not a usable manifest: {error}") from None
    arrays = {}
    for name, (dtype, shape) in ARRAYS.items():
        data = read(name, MAX_FILE_BYTES)
        if hashlib.sha256(data).hexdigest() != manifest["files"].get(name):
            raise ModelError(
                f"{path}: {name} does not match its hash in manifest.json: it was cut off or changed"
            )
        arrays[name] = _read_array(path, name, data, dtype, shape)
    if len(manifest["fpr_grid"]) != arrays["curves.npy"].shape[1]:
        raise ModelError(f"{path}: curves.npy and fpr_grid differ in length")
    _check_trees(path, arrays)
    heads = features.Heads(
        arrays["token_weights.npy"].astype(np.float32),
        *(arrays[f"{name}.npy"] for name in features.Heads._fields[1:]),
    )
    return Model(manifest, heads, arrays["curves.npy"], hashlib.sha256(raw).hexdigest())


def _check_trees(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Children stand after their parent, so that every walk ends, and all indices are in range."""
    trees = arrays["trees.npy"]
    number = np.arange(len(trees))[:, None]
    inner = trees[:, 0] >= 0
    children = trees[inner, 2:4]
    sound = (
        (trees[:, 0] < features.WIDTH).all()
        and (children > number[inner]).all()
        and (children < len(trees)).all()
        and (children == np.floor(children)).all()
        and (trees[:, 0] == np.floor(trees[:, 0])).all()
    )
    roots = np.concatenate([arrays["spun_roots.npy"], arrays["stuffed_roots.npy"]])
    if not sound or (roots < 0).any() or (roots >= len(trees)).any():
        raise ModelError(f"{path}: trees.npy does not hold decision trees")


def _check_manifest(manifest: dict[str, Any]) -> None:
    if manifest["schema"] != SCHEMA:
        raise ValueError(f"schema {manifest['schema']!r}, this release reads {SCHEMA}")
    if manifest["feature_version"] != features.VERSION or tuple(manifest["features"]) != features.NAMES:
        raise ValueError("it was trained for other features than this release computes: retrain it")
    for key in ("name", "version", "lexicon"):
        if not isinstance(manifest[key], str):
            raise ValueError(f"{key} is not a string")
    grid = manifest["fpr_grid"]
    if not (isinstance(grid, list) and grid and all(0 < x <= 0.5 for x in grid) and grid == sorted(grid)):
        raise ValueError("fpr_grid is not an increasing list of rates in (0, 0.5]")
    if not isinstance(manifest["files"], dict):
        raise ValueError("files is not a mapping")


def _read_array(path: Path, name: str, data: bytes, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """The array in `data`; nothing is allocated for a header that states another type or shape."""
    file = io.BytesIO(data)
    try:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError("another version of the .npy format than 1.0")
        stated, by_column, found = np.lib.format.read_array_header_1_0(file)
    except (ValueError, EOFError, RecursionError, MemoryError) as error:
        raise ModelError(f"{path}: {name} is not a plain array file: {error}") from None
    fits = len(stated) == len(shape) and all(
        want in (-1, have) for want, have in zip(shape, stated, strict=True)
    )
    if not fits or found != dtype or by_column:
        raise ModelError(f"{path}: {name} has another type or shape than {dtype}{list(shape)}")
    body = data[file.tell() :]
    if len(body) != math.prod(stated) * found.itemsize:
        raise ModelError(
            f"{path}: {name} holds {len(body):,} bytes, which do not make up {dtype}{list(stated)}"
        )
    array: np.ndarray = np.frombuffer(body, found).reshape(stated).copy()
    if not np.isfinite(array).all():
        raise ModelError(f"{path}: {name} holds values that are not finite")
    return array


def _folder_reader(folder: Path) -> Reader:
    def read(name: str, limit: int) -> bytes:
        try:
            with (folder / name).open("rb") as file:
                data = file.read(limit + 1)
        except OSError as error:
            raise ModelError(f"{folder / name}: {error.strerror or error}") from None
        if len(data) > limit:
            raise ModelError(f"{folder / name} is larger than {limit:,} bytes")
        return data

    return read


def _zip_reader(path: Path) -> Reader:
    def read(name: str, limit: int) -> bytes:
        try:
            with zipfile.ZipFile(path) as archive:
                if archive.getinfo(name).compress_type not in ZIP_METHODS:
                    raise NotImplementedError("it is packed by another method than store or deflate")
                with archive.open(name) as member:
                    data = member.read(limit + 1)
        except _ZIP_ERRORS as error:
            raise ModelError(f"{path}: can't read {name}: {error}") from None
        if len(data) > limit:
            raise ModelError(f"{path}: {name} is larger than {limit:,} bytes")
        return data

    return read


_ZIP_ERRORS = (
    KeyError, OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, zlib.error,
    struct.error,
)  # fmt: skip
"""What zipfile raises for archives that are cut off, changed, locked or not archives at all."""


def save_model(folder: Path, manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Write a bundle beside `folder` and swap it in whole; the one it replaces stays as `<folder>.previous`.

    The same content gives the same bytes. `manifest` gets `schema` and `files`; the keys of ARRAYS are needed.
    Raises ModelError, and leaves everything as it was, if the new bundle would not load.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write_bundle(fresh, manifest, arrays)
        _load(fresh)
        previous = previous_of(folder)
        if folder.exists():
            shutil.rmtree(previous, ignore_errors=True)
            folder.rename(previous)
        fresh.rename(folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def previous_of(folder: Path) -> Path:
    """Where the bundle goes that was in `folder` before the last one was saved there."""
    return folder.with_name(f"{folder.name}.previous")


def _write_bundle(fresh: Path, manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    files = {}
    for name, (dtype, _) in ARRAYS.items():
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(arrays[name], dtype=dtype))
        files[name] = hashlib.sha256(buffer.getvalue()).hexdigest()
        write_synced(fresh / name, buffer.getvalue())
    full = {"schema": SCHEMA, **manifest, "files": files}
    write_synced(fresh / "manifest.json", (json.dumps(full, indent=1, ensure_ascii=False) + "\n").encode())
    fresh.chmod(0o755)


def write_synced(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on disk. Raises OSError."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until renames in `folder` are on disk, where the system can (Windows does so by itself)."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
