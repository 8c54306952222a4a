import io
import json
import pickle
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector import features
from detector.model import (
    HEAD_SHARES,
    HEADS,
    MAX_FILE_BYTES,
    MAX_MANIFEST_BYTES,
    POLICIES,
    Model,
    ModelError,
    load_model,
    save_model,
)
from detector.signals.replaced import pack_weights
from tests.bundles import GRID, make_arrays, make_bundle, make_manifest, replace_array, replace_file, zipped


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "model")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load_model(make_bundle(tmp_path_factory.mktemp("bundle") / "model"))


def test_what_is_saved_is_loaded(model: Model) -> None:
    arrays = make_arrays()
    assert np.array_equal(model.heads.token_weights.hashed, pack_weights(arrays["token_weights.npy"]).hashed)
    for i, head in enumerate((model.heads.spun, model.heads.stuffed)):
        assert len(head.roots) == len(arrays[f"{HEADS[i]}_roots.npy"])
        assert np.array_equal(head.scale, arrays["scales.npy"][i])
    assert np.array_equal(model.arrays["curves.npy"], arrays["curves.npy"])
    assert model.name == f"test@1.2.3#{model.digest[:8]}"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_is_the_same_model(bundle: Path, tmp_path: Path, method: int) -> None:
    packed = load_model(zipped(bundle, tmp_path / "model.zip", method))
    assert packed.digest == load_model(bundle).digest
    assert np.array_equal(packed.heads.spun.threshold, load_model(bundle).heads.spun.threshold)


def test_same_content_same_bytes(tmp_path: Path) -> None:
    first, second = (make_bundle(tmp_path / name) for name in ("one", "two"))
    assert {p.name: p.read_bytes() for p in first.iterdir()} == {
        p.name: p.read_bytes() for p in second.iterdir()
    }


# Thresholds


def test_thresholds_fall_with_the_rate_allowed(model: Model) -> None:
    rates = sorted(POLICIES.values())
    for head in range(2):
        curve = [model.thresholds(rate)[head] for rate in rates]
        assert curve == sorted(curve, reverse=True)
        assert all(0.0 < value < 1.0 for value in curve)


@pytest.mark.parametrize("head", [0, 1])
def test_thresholds_at_the_grid_are_the_measured_ones(model: Model, head: int) -> None:
    """Each head gets its share of the rate."""
    share = HEAD_SHARES[head]
    for rate, odds in zip(GRID, make_arrays()["curves.npy"][head], strict=True):
        if rate / share <= 0.5:
            assert model.thresholds(rate / share)[head] == pytest.approx(1 / (1 + np.exp(-odds)))


def test_the_shares_of_the_heads_make_a_whole() -> None:
    assert sum(HEAD_SHARES) == pytest.approx(1.0)


@given(st.floats(0.0, 0.5, exclude_min=True))
def test_any_rate_in_range_has_thresholds(model: Model, rate: float) -> None:
    assert all(0.0 <= value <= 1.0 for value in model.thresholds(rate))


@pytest.mark.parametrize("rate", [0.0, -0.1, 0.51, float("nan"), float("inf")])
def test_other_rates_are_refused(model: Model, rate: float) -> None:
    with pytest.raises(ValueError, match=r"fpr must lie in \(0, 0\.5\]"):
        model.thresholds(rate)


# Bundles that must not load


def with_manifest(**changes: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return damage


def with_array(name: str, make: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    return lambda folder: replace_array(folder, name, make(np.load(folder / name)))


def with_bytes(name: str, data: bytes) -> Callable[[Path], None]:
    return lambda folder: replace_file(folder, name, data)


def with_raw_manifest(data: bytes) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / "manifest.json").write_bytes(data)

    return damage


def cut_off(folder: Path) -> None:
    path = folder / "trees.npy"
    path.write_bytes(path.read_bytes()[:-8])


def one_bit(folder: Path) -> None:
    data = bytearray((folder / "token_weights.npy").read_bytes())
    data[-1] ^= 1
    (folder / "token_weights.npy").write_bytes(data)


def missing(folder: Path) -> None:
    (folder / "curves.npy").unlink()


def header_only(shape: str, dtype: str = "<f8") -> bytes:
    """A `.npy` that states a shape and holds nothing."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()


class Bomb:
    """Unpickling this would write a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("exploded"),))


def with_node(column: int, value: float, row: int = 0) -> Callable[[Path], None]:
    """One number of the first tree changed."""

    def change(trees: np.ndarray) -> np.ndarray:
        trees[row, column] = value
        return trees

    return with_array("trees.npy", change)


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.zeros(3))
    return buffer.getvalue()


DAMAGES = {
    "cut off": (cut_off, r"trees\.npy does not match its hash"),
    "one bit changed": (one_bit, r"token_weights\.npy does not match its hash"),
    "file missing": (missing, r"curves\.npy: No such file"),
    "no manifest": (lambda folder: (folder / "manifest.json").unlink(), r"manifest\.json: No such file"),
    "empty manifest": (with_raw_manifest(b" "), "not a usable manifest"),
    "manifest is a list": (with_raw_manifest(b"[]"), "not a usable manifest"),
    "manifest is not text": (with_raw_manifest(b"\xff\xfe\x00"), "not a usable manifest"),
    "manifest too deep": (with_raw_manifest(b"[" * 200_000), "not a usable manifest"),
    "manifest too large": (with_raw_manifest(b" " * (MAX_MANIFEST_BYTES + 1)), "larger than 1,048,576 bytes"),
    "another schema": (with_manifest(schema=2), "schema 2, this release reads 1"),
    "no schema": (with_manifest(schema=None), "schema None"),
    "other feature version": (with_manifest(feature_version=-1), "other features than this release"),
    "other features": (with_manifest(features=["a"]), "other features than this release"),
    "features in other order": (with_manifest(features=list(features.NAMES)[::-1]), "other features"),
    "nameless": (with_manifest(name=None), "name is not a string"),
    "grid not sorted": (with_manifest(fpr_grid=[0.1, 0.01, 0.001, 0.2]), "fpr_grid is not an increasing list"),
    "grid out of range": (with_manifest(fpr_grid=[0.0, 0.1, 0.2, 0.3]), "fpr_grid is not an increasing list"),
    "grid of another length": (with_manifest(fpr_grid=[0.1]), r"curves\.npy and fpr_grid differ"),
    "grid not a number": (with_manifest(fpr_grid=[float("nan")]), "fpr_grid is not an increasing list"),
    "files not a mapping": (with_manifest(files=[]), "files is not a mapping"),
    "a value not a number": (with_array("trees.npy", lambda a: a * np.nan), r"trees\.npy holds values that are not finite"),
    "infinite": (with_array("curves.npy", lambda a: a + np.inf), "not finite"),
    "beyond reason": (with_array("scales.npy", lambda a: a + 1e300), r"scales\.npy holds values that are not finite, or beyond 1e\+09"),
    "wrong type": (with_array("trees.npy", lambda a: a.astype(np.float32)), r"another type or shape than float64"),
    "big endian": (with_array("trees.npy", lambda a: a.astype(">f8")), "another type or shape"),
    "wrong shape": (with_array("trees.npy", lambda a: a[:, 1:].copy()), "another type or shape"),
    "wrong rank": (with_array("curves.npy", lambda a: a[0].copy()), "another type or shape"),
    "column order": (with_array("trees.npy", np.asfortranarray), "another type or shape"),
    "too many values": (with_array("token_weights.npy", lambda a: np.zeros(2 * len(a), a.dtype)), "another type or shape"),
    "an exabyte stated": (with_bytes("curves.npy", header_only("(2, 72057594037927936)")), "do not make up"),
    "values missing": (with_bytes("trees.npy", header_only("(480, 5)")), "do not make up"),
    "a tree that never ends": (with_node(2, 0), "does not hold decision trees"),
    "a child before the first": (with_node(2, -7), "does not hold decision trees"),
    "a child beyond the last": (with_node(3, 1e9), "does not hold decision trees"),
    "half a child": (with_node(3, 2.5), "does not hold decision trees"),
    "a feature too many": (with_node(0, features.WIDTH), "does not hold decision trees"),
    "half a feature": (with_node(0, 0.5), "does not hold decision trees"),
    "a root beyond the last": (with_array("spun_roots.npy", lambda a: a + 10_000), "does not hold decision trees"),
    "more trees in a sum than there are": (lambda f: replace_array(f, "added.npy", np.array([[81.0, 0.0], [80.0, 0.0]])), "added.npy does not fit"),
    "half a tree in a sum": (lambda f: replace_array(f, "added.npy", np.array([[0.5, 0.0], [80.0, 0.0]])), "added.npy does not fit"),
    "a root before the first": (with_array("stuffed_roots.npy", lambda a: a - 10), "does not hold decision trees"),
    "a header that is no literal": (with_bytes("curves.npy", header_only("(2, 4), \"").replace(b"fortran", b"fort\0ran")), "not a plain array file"),
    "a header with keys that don't sort": (with_bytes("curves.npy", header_only("(2, 4), 7: 8")), "not a plain array file"),
    "a negative shape": (with_bytes("curves.npy", header_only("(2, -4)")), "not a plain array file"),
    "a type of objects": (with_bytes("curves.npy", header_only("(2, 4)", "|O")), "another type or shape"),
    "a type that is not ASCII": (with_bytes("curves.npy", header_only("(2, 4)").replace(b"<f8", b"\xb1f8")), "another type or shape"),
    "a header that never ends": (with_bytes("curves.npy", b"\x93NUMPY\x01\x00\xff\xff{"), "not a plain array file"),
    "pickled array": (with_array("trees.npy", lambda a: np.array([Bomb()], object)), "trees"),
    "plain pickle": (with_bytes("trees.npy", pickle.dumps(Bomb())), "not a plain array file"),
    "archive of arrays": (with_bytes("trees.npy", npz()), "not a plain array file"),
    "empty array file": (with_bytes("trees.npy", b""), "not a plain array file"),
    "file too large": (with_bytes("trees.npy", b"\0" * (MAX_FILE_BYTES + 1)), "larger than 16,777,216 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("form", ["folder", "zip"])
def test_bad_bundles_are_refused(
    name: str, form: str, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    damage, message = DAMAGES[name]
    damage(bundle)
    path = bundle if form == "folder" else zipped(bundle, tmp_path / "model.zip")
    if form == "zip":
        message = message.replace(": No such file", "").replace(r"\.npy is", "")
    with pytest.raises(ModelError, match=message) as refused:
        load_model(path)
    assert str(path) in str(refused.value)
    assert not (tmp_path / "exploded").exists()


def test_a_path_that_is_not_there_says_how_to_get_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model; `detector train` makes one"):
        load_model(tmp_path / "absent")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_methods_that_unpack_without_bounds_are_refused(
    bundle: Path, tmp_path: Path, method: int
) -> None:
    with pytest.raises(ModelError, match="another method than store or deflate"):
        load_model(zipped(bundle, tmp_path / "model.zip", method))


def test_a_zip_bomb_is_read_no_further_than_the_limit(bundle: Path, tmp_path: Path) -> None:
    (bundle / "token_weights.npy").write_bytes(b"\0" * (40 << 20))
    packed = zipped(bundle, tmp_path / "model.zip")
    assert packed.stat().st_size < 100_000
    with pytest.raises(ModelError, match=r"token_weights\.npy is larger than"):
        load_model(packed)


def test_a_file_that_is_no_zip(tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ModelError, match="not a zip file"):
        load_model(path)


@pytest.fixture(scope="module")
def small_zip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A zip whose arrays compress well, so that a change hits structure more often than weights."""
    folder = tmp_path_factory.mktemp("zip")
    make_bundle(folder / "model")
    replace_array(folder / "model", "token_weights.npy", np.zeros_like(make_arrays()["token_weights.npy"]))
    return zipped(folder / "model", folder / "model.zip").read_bytes()


@given(data=st.data())
def test_no_change_to_a_zip_gets_past_the_checks(
    small_zip: bytes, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    changed = bytearray(small_zip)
    for _ in range(data.draw(st.integers(1, 3))):
        near_end = st.integers(max(len(changed) - 400, 0), len(changed) - 1)
        changed[data.draw(st.one_of(st.integers(0, len(changed) - 1), near_end))] = data.draw(
            st.integers(0, 255)
        )
    path = tmp_path_factory.getbasetemp() / "changed.zip"
    path.write_bytes(changed[: data.draw(st.one_of(st.just(len(changed)), st.integers(0, len(changed))))])
    try:
        loaded = load_model(path)
    except ModelError:
        return
    assert np.isfinite(loaded.heads.spun.value).all()


# Saving


def test_saving_keeps_the_previous_model_and_leaves_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    first = load_model(make_bundle(folder, seed=1)).digest
    second = load_model(make_bundle(folder, seed=2)).digest
    assert load_model(tmp_path / "model.previous").digest == first
    third = load_model(make_bundle(folder, seed=3)).digest
    assert load_model(tmp_path / "model.previous").digest == second
    assert len({first, second, third}) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "model.previous"]


@pytest.mark.parametrize(
    ("manifest", "arrays"),
    [
        (make_manifest(), make_arrays() | {"trees.npy": np.full((9, 5), np.nan)}),
        (make_manifest(), make_arrays() | {"trees.npy": np.zeros((2, 3, 4))}),
        (make_manifest(features=["other"]), make_arrays()),
        (make_manifest(fpr_grid=[]), make_arrays() | {"curves.npy": np.zeros((2, 0))}),
    ],
)
def test_a_model_that_would_not_load_is_not_saved(
    tmp_path: Path, manifest: dict[str, Any], arrays: dict[str, np.ndarray]
) -> None:
    before = load_model(make_bundle(tmp_path / "model")).digest
    with pytest.raises(ModelError):
        save_model(tmp_path / "model", manifest, arrays)
    assert load_model(tmp_path / "model").digest == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_an_interrupted_save_leaves_the_old_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load_model(make_bundle(tmp_path / "model", seed=1)).digest
    monkeypatch.setattr("os.fsync", _disk_full)
    with pytest.raises(OSError, match="disk full"):
        make_bundle(tmp_path / "model", seed=2)
    assert load_model(tmp_path / "model").digest == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def _disk_full(_: int) -> None:
    raise OSError("disk full")


def test_readers_meet_a_whole_model_while_another_is_saved(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "model", seed=0)
    expected = {
        load_model(make_bundle(tmp_path / "other" / str(seed), seed=seed)).digest for seed in range(5)
    }
    done = threading.Event()
    seen: list[str] = []

    def read() -> None:
        while not done.is_set():
            seen.append(load_model(folder).digest)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for round in range(3):
            for seed in range(5):
                make_bundle(folder, seed=(seed + round) % 5)
    finally:
        done.set()
        reader.join()
    assert set(seen) <= expected
    assert len(seen) > 3


def test_a_save_that_died_between_its_renames_leaves_the_old_model(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    before = load_model(make_bundle(folder, seed=1)).digest
    folder.rename(tmp_path / "model.previous")
    assert load_model(folder).digest == before
    after = load_model(make_bundle(folder, seed=2)).digest
    assert after != before
    assert load_model(tmp_path / "model.previous").digest == before
