import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from detector.lexicon.folding import folding_table
from detector.lexicon.tables import (
    DTYPES,
    FIRST_WORD,
    LexiconError,
    LexiconFiles,
    load_lexicon,
    write_tables,
)
from tests.measuring import Measure


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    """A lexicon to damage."""
    return Path(shutil.copytree(built, tmp_path / "lexicon"))


def cut_off(folder: Path) -> None:
    path = folder / "word_keys.npy"
    path.write_bytes(path.read_bytes()[:-3])


def flip_a_bit(folder: Path) -> None:
    path = folder / "followers.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def remove(folder: Path) -> None:
    (folder / "fold.npy").unlink()


def remove_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def other_format(folder: Path) -> None:
    edit_manifest(folder, lambda manifest: manifest | {"format": 99})


def list_for_manifest(folder: Path) -> None:
    edit_manifest(folder, lambda manifest: [manifest])


def deep_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("[" * 100_000)


def entry_missing(folder: Path) -> None:
    edit_manifest(folder, lambda manifest: {"format": manifest["format"], "files": {}})


def pickle_inside(folder: Path) -> None:
    replace_array(folder, "log_count.npy", np.array([print], object))


def other_type(folder: Path) -> None:
    replace_array(folder, "log_count.npy", np.zeros(10, np.float64))


def other_rank(folder: Path) -> None:
    replace_array(folder, "log_count.npy", np.zeros((5, 2), np.float32))


def edit_manifest(folder: Path, change: Callable[[dict], object]) -> None:  # type: ignore[type-arg]
    path = folder / "manifest.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))


def replace_array(folder: Path, name: str, array: np.ndarray) -> None:
    """Put another array into a file and make the manifest agree."""
    import hashlib

    np.save(folder / name, array, allow_pickle=True)
    data = (folder / name).read_bytes()
    entry = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    edit_manifest(folder, lambda manifest: manifest | {"files": manifest["files"] | {name: entry}})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut_off, r"word_keys\.npy has \d+ bytes, the manifest says \d+"),
        (flip_a_bit, r"followers\.npy does not match the hash"),
        (remove, r"fold\.npy is missing: reinstall, or run"),
        (remove_manifest, r"manifest\.json is missing: reinstall, or run"),
        (other_format, r"has lexicon format 99; this release reads 3"),
        (list_for_manifest, r"manifest\.json can't be read"),
        (deep_manifest, r"manifest\.json can't be read"),
        (entry_missing, r"\.npy is missing"),
        (pickle_inside, r"log_count\.npy is not a plain array file"),
        (other_type, r"holds float64\[1d\], expected float32\[1d\]"),
        (other_rank, r"holds float32\[2d\], expected float32\[1d\]"),
    ],
)
def test_damage_is_named(copy: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(copy)
    with pytest.raises(LexiconError, match=message):
        load_lexicon(copy)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x93NUMPY",
        b"PK\x03\x04 no zip",
        b"\x80\x04 no pickle",
        b"\x93NUMPY\x01\x00\x10\x00{'descr': (((((  \n",
        b"\x93NUMPY\x01\x00\x46\x00{'descr': '<u4', 'fortran_order': False, 'shape': (-1,), }         \n",
        b"\x93NUMPY\x01\x00\x46\x00{'descr': '<u4', 'fortran_order': False, 'shape': (9**99,), }      \n",
        b"\x93NUMPY\x09\x00\x04\x00{}  ",
        bytes(range(256)),
    ],
)
def test_rubbish_with_a_right_hash_is_one_clear_error(copy: Path, data: bytes) -> None:
    """As a disk gives back that lost its blocks, or somebody who also changed the manifest."""
    (copy / "fold.npy").write_bytes(data)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"]["fold.npy"] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(LexiconError, match=r"fold\.npy"):
        load_lexicon(copy)


@pytest.mark.parametrize("kept", [0, 1, 9, 60, 127, 128])
def test_a_table_cut_off_anywhere_is_one_clear_error(copy: Path, kept: int) -> None:
    path = copy / "word_ids.npy"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(LexiconError, match=r"word_ids\.npy has .* cut off"):
        load_lexicon(copy)


def test_what_is_written_is_read(built: Path, tmp_path: Path) -> None:
    arrays = {name: np.load(built / f"{name}.npy") for name in DTYPES}
    write_tables(tmp_path / "copy", arrays)
    assert load_lexicon(tmp_path / "copy").digest == load_lexicon(built).digest


def test_tables_are_mapped_and_cannot_be_written(tiny: LexiconFiles) -> None:
    with pytest.raises(ValueError, match="read-only"):
        tiny.tables.followers[0] = 1


def test_shipped_words_are_found_under_their_ids(measure: Measure, lexicon: LexiconFiles) -> None:
    every = range(FIRST_WORD, len(lexicon.tables.log_count), 70)
    words = {i: lexicon.word(i) for i in every}
    plain = {i: w for i, w in words.items() if w.replace("'", "").isalpha() and "''" not in w}
    assert len(plain) > 0.95 * len(words)
    missed = [w for i, w in plain.items() if i not in measure(f"the {w} is").column("ids")]
    assert len(missed) <= 2, missed


def test_shipped_tables_are_consistent(lexicon: LexiconFiles) -> None:
    tables = lexicon.tables
    words = len(tables.log_count)
    assert len(tables.word_flags) == words
    assert len(tables.candidate_offsets) == words + 1
    assert (np.diff(tables.candidate_offsets) >= 0).all()
    assert tables.candidate_offsets[-1] == len(tables.candidate_ids) == len(tables.candidate_strength)
    assert FIRST_WORD <= tables.candidate_ids.min() <= tables.candidate_ids.max() < words
    assert tables.phrase_index.max() == len(tables.phrase_log_count)
    for name in ("follower", "predecessor"):
        offsets, entries = getattr(tables, f"{name}_offsets"), getattr(tables, f"{name}s")
        assert len(entries) == offsets[-1]
        sizes, used = np.diff(offsets), np.diff(np.concatenate([[0], np.cumsum(entries > 0)])[offsets])
        assert (used < sizes)[sizes > 0].all(), "a table without an empty slot: a look-up would not end"
    assert (tables.trigrams == 0).any()


def test_shipped_folding_is_that_of_the_sources(lexicon: LexiconFiles) -> None:
    assert np.array_equal(lexicon.tables.fold, folding_table())
