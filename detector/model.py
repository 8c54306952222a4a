"""The model bundle: arrays plus a JSON manifest, checked before use; loading executes no code.

A bundle is a directory or a `.zip` of it: `manifest.json` (schema, name, version, feature version and names,
hash of each file and of the lexicon, thresholds, metrics, training record), `token_weights.npy` (float16),
the decision trees of both heads (`trees.npy`, `spun_roots.npy`, `stuffed_roots.npy`, `scales.npy`; see
`features.lay_out`), `curves.npy` (float64[2, G]: thresholds on the log-odds at the false-positive rates of
the manifest's `fpr_grid`), and `added.npy` where a head has a second sum of trees (float64[2, 2]; see `features.Trees`).
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import re
import shutil
import struct
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detector import features, signing
from detector.paths import SHIPPED
from detector.signals.replaced import SIZE, pack_weights

SCHEMA = 1
HEADS = ("spun", "stuffed")
HEAD_SHARES = (0.7, 0.3)
"""How a policy's false-positive rate is divided: stuffing is the easier question, and needs less of it."""
POLICIES = {"precise": 0.001, "balanced": 0.01, "sensitive": 0.05}
"""False-positive rate on clean documents that each policy allows, both heads together."""
LARGEST = 1e9
"""Of any number in a bundle: sums and products of them stay finite, and so scores are never NaN."""
MAX_STEPS = 1_000_000
"""Nodes that a document may visit, all trees together: some milliseconds. The shipped model takes thousands."""
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
    "added.npy": ("float64", (2, 2)),
}
OPTIONAL = ("added.npy",)
"""Left out of bundles in which no head has a second sum."""


_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': '([^']{2,4})', 'fortran_order': (True|False), 'shape': \(([\d, ]{1,60})\),? ?\} *\n",
    re.ASCII,
)
"""What numpy writes before a plain array in format 1.0 of `.npy` (NEP 1)."""

Reader = Callable[[str, int], bytes]
"""(file name, most bytes allowed) -> content; raises ModelError."""


class ModelError(ValueError):
    """A bundle can't be used; the message says which file, what is wrong with it and what to do."""


@dataclass(frozen=True)
class Model:
    """A loaded bundle; `heads` goes into kernels as it is, `arrays` are those of the files (see ARRAYS)."""

    manifest: dict[str, Any]
    heads: features.Heads
    arrays: dict[str, np.ndarray]
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
            for share, curve in zip(HEAD_SHARES, self.arrays["curves.npy"], strict=True)
        )
        return spun, stuffed


def _sigmoid(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-value)) if value > -700 else 0.0


def load_model(source: str | Path = SHIPPED, public_key: str | Path | None = None) -> Model:
    """Read and check a bundle (directory or .zip). Raises ModelError; with `public_key`, a PEM file, also if the
    bundle was not signed with its private key (extra `sign`)."""
    path, key = Path(source), None if public_key is None else Path(public_key)
    for wait in SWAP_WAITS:
        try:
            return _load(path, key)
        except ModelError:
            time.sleep(wait)
    return _load(path, key)


def _load(path: Path, public_key: Path | None = None) -> Model:
    if not path.exists() and previous_of(path).is_dir():
        path = previous_of(path)  # a saving process died between its two renames
    if not path.exists():
        raise ModelError(f"{path}: no such model; `detector train` makes one")
    with _opened(path) as read:
        return _checked(path, read, public_key)


def _checked(path: Path, read: Reader, public_key: Path | None) -> Model:
    raw = read("manifest.json", MAX_MANIFEST_BYTES)
    if public_key is not None:
        _check_signature(path, raw, read, public_key)
    try:
        manifest = json.loads(raw)
        _check_manifest(manifest)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{path}: manifest.json is not a usable manifest: {error}") from None
    arrays = {}
    for name, (dtype, shape) in ARRAYS.items():
        if name in OPTIONAL and name not in manifest["files"]:
            continue
        data = read(name, MAX_FILE_BYTES)
        if hashlib.sha256(data).hexdigest() != manifest["files"].get(name):
            raise ModelError(
                f"{path}: {name} does not match its hash in manifest.json: it was cut off or changed"
            )
        arrays[name] = read_array(path, name, data, dtype, shape)
    if len(manifest["fpr_grid"]) != arrays["curves.npy"].shape[1]:
        raise ModelError(f"{path}: curves.npy and fpr_grid differ in length")
    _check_trees(path, arrays)
    nodes, added = arrays["trees.npy"], added_of(arrays)
    heads = features.Heads(
        pack_weights(arrays["token_weights.npy"]),
        features.lay_out(nodes, arrays["spun_roots.npy"], arrays["scales.npy"][0], added[0]),
        features.lay_out(nodes, arrays["stuffed_roots.npy"], arrays["scales.npy"][1], added[1]),
    )
    return Model(manifest, heads, arrays, hashlib.sha256(raw).hexdigest())


def added_of(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """float64[2, 2]: of each head, how many of its trees are in the first sum, and the base of the second (see
    `features.Trees`)."""
    whole = [[len(arrays[f"{head}_roots.npy"]), 0.0] for head in HEADS]
    return arrays["added.npy"] if "added.npy" in arrays else np.array(whole, np.float64)


def _check_signature(path: Path, raw: bytes, read: Reader, public_key: Path) -> None:
    try:
        signing.check(raw, read(signing.SIGNATURE, signing.SIZE), public_key)
    except signing.SigningError as error:
        raise ModelError(f"{path}: {error}") from None


def sign_model(bundle: Path, private_key: Path) -> Path:
    """Sign a bundle (directory or .zip), which must load; returns where the signature is. Raises ModelError,
    OSError."""
    _load(bundle)
    with _opened(bundle) as read:
        raw = read("manifest.json", MAX_MANIFEST_BYTES)
    try:
        signature = signing.sign(raw, private_key)
    except signing.SigningError as error:
        raise ModelError(str(error)) from None
    if bundle.is_dir():
        write_synced(bundle / signing.SIGNATURE, signature)
        return bundle / signing.SIGNATURE
    with zipfile.ZipFile(bundle, "a") as archive:
        if signing.SIGNATURE in archive.namelist():
            raise ModelError(f"{bundle} is signed already: pack the bundle anew, then sign it")
        archive.writestr(zipfile.ZipInfo(signing.SIGNATURE), signature)
    return bundle


def _check_trees(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """All indices are in range, children stand after their parent, so that every walk ends, each node is reached
    once, so that laying the trees out takes no more room than they do, and no document takes more than
    MAX_STEPS nodes."""
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
    first = added_of(arrays)[:, 0]
    sizes = (len(arrays["spun_roots.npy"]), len(arrays["stuffed_roots.npy"]))
    if (first < 0).any() or (first > sizes).any() or (first != np.floor(first)).any():
        raise ModelError(f"{path}: added.npy does not fit the number of trees")
    reached = np.concatenate([roots, children.ravel()])
    once = len(np.unique(reached)) == len(reached)
    if not sound or not once or (roots < 0).any() or (roots >= len(trees)).any():
        raise ModelError(f"{path}: trees.npy does not hold decision trees")
    level, depth = np.unique(roots), 0
    while len(level):
        level = np.unique(trees[level[trees[level, 0] >= 0], 2:4]).astype(np.int64)
        depth += 1
        if depth * len(roots) > MAX_STEPS:
            raise ModelError(
                f"{path}: trees.npy is so deep that each document would take {MAX_STEPS:,} steps"
            )


def _check_manifest(manifest: dict[str, Any]) -> None:
    if manifest["schema"] != SCHEMA:
        raise ValueError(f"schema {manifest['schema']!r}, this release reads {SCHEMA}")
    if manifest["feature_version"] != features.VERSION or tuple(manifest["features"]) != features.NAMES:
        raise ValueError("it was trained for other features than this release computes: retrain it")
    for key in ("name", "version", "lexicon"):
        if not isinstance(manifest[key], str):
            raise ValueError(f"{key} is not a string")
        if len(manifest[key]) > 200 or not manifest[key].isprintable():
            raise ValueError(f"{key} is longer than 200 characters, or holds some that can't be printed")
    grid = manifest["fpr_grid"]
    if not (isinstance(grid, list) and grid and all(0 < x <= 0.5 for x in grid) and grid == sorted(grid)):
        raise ValueError("fpr_grid is not an increasing list of rates in (0, 0.5]")
    for key in ("files", "training", "metrics"):
        if not isinstance(manifest.get(key, {} if key != "files" else None), dict):
            raise ValueError(f"{key} is not a mapping")


def read_array(path: Path, name: str, data: bytes, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """The array in `data`, the file `name` of `path`; -1 in `shape` is any length. Raises ModelError; nothing is
    allocated for a header that states another type or shape.

    The header is matched, not evaluated: numpy's own parser raises much that it does not name.
    """
    length = int.from_bytes(data[8:10], "little")
    header = _HEADER.fullmatch(data[10 : 10 + length]) if data.startswith(_MAGIC) else None
    if header is None:
        raise ModelError(f"{path}: {name} is not a plain array file (.npy, format 1.0)")
    stated = tuple(int(side) for side in header[3].split(b",") if side.strip())
    fits = len(stated) == len(shape) and all(
        want in (-1, have) for want, have in zip(shape, stated, strict=True)
    )
    found = np.dtype(dtype).newbyteorder("<")
    if not fits or header[1] != found.str.encode() or header[2] == b"True":
        raise ModelError(f"{path}: {name} has another type or shape than {dtype}{list(shape)}")
    body = data[10 + length :]
    if len(body) != math.prod(stated) * found.itemsize:
        raise ModelError(
            f"{path}: {name} holds {len(body):,} bytes, which do not make up {dtype}{list(stated)}"
        )
    array: np.ndarray = np.frombuffer(body, found).reshape(stated).astype(dtype)
    if not float(np.abs(array).max(initial=0)) <= LARGEST:
        raise ModelError(f"{path}: {name} holds values that are not finite, or beyond {LARGEST:g}")
    return array


@contextmanager
def _opened(path: Path) -> Iterator[Reader]:
    """A reader of the bundle's files. A folder is held open, so that one swapped in meanwhile is not mixed in."""
    if path.is_file():
        yield zip_reader(path)
        return
    if os.open not in os.supports_dir_fd:
        yield _folder_reader(path, None)
        return
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from None
    try:
        yield _folder_reader(path, descriptor)
    finally:
        os.close(descriptor)


def _folder_reader(folder: Path, descriptor: int | None) -> Reader:
    def opener(name: str, flags: int) -> int:
        where = name if descriptor is not None else folder / name
        return os.open(where, flags | getattr(os, "O_NONBLOCK", 0), dir_fd=descriptor)

    def read(name: str, limit: int) -> bytes:
        try:
            with open(name, "rb", opener=opener) as file:
                data = file.read(limit + 1)
        except OSError as error:
            raise ModelError(f"{folder / name}: {error.strerror or error}") from None
        if len(data) > limit:
            raise ModelError(f"{folder / name} is larger than {limit:,} bytes")
        return data

    return read


def zip_reader(path: Path) -> Reader:
    """Reads members of an archive, each up to a limit, unpacking in bounded steps."""

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

    The same content gives the same bytes. `manifest` gets `schema` and `files`; the keys of ARRAYS are needed, but for
    OPTIONAL ones.
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
        if name in OPTIONAL and name not in arrays:
            continue
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
