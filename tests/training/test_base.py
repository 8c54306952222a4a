"""The base file: what goes in comes out, and nothing else gets in."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from detector.features import WIDTH
from detector.model import ModelError, load_model
from detector.signals.replaced import SIZE
from detector.training.base import _quantise, base_of, encode_base, load_base, save_base, sketch_of
from detector.training.continued import Start
from detector.training.labelled import frozen_copies
from tests.training.conftest import ROWS, base_examples


def test_what_goes_in_comes_out(start: Start) -> None:
    base, examples = start.base, base_examples()
    assert base.matrix.shape == (ROWS, len(start.model.manifest["features"]))
    assert base.source.tolist() == [e.source for e in examples]
    assert base.kind.tolist() == [e.kind for e in examples]
    assert base.labels[:3].tolist() == [[0, 0], [1, 0], [-1, 1]]
    assert base.information.shape == (SIZE,)
    assert base.information.mean() == pytest.approx(2.0, rel=0.05)


def test_a_group_is_frozen_as_a_whole_or_not_at_all(start: Start) -> None:
    base = start.base
    frozen, learned = base.group[base.holdout], base.group[~base.holdout]
    assert not set(frozen.tolist()) & set(learned.tolist())
    assert 0.1 < base.holdout.mean() < 0.3


def test_quantised_features_are_close_and_zero_stays_zero() -> None:
    generator = np.random.default_rng(0)
    matrix = np.maximum(generator.normal(size=(5000, 4)), 0).astype(np.float32)
    levels, codes = _quantise(matrix)
    restored = levels[np.arange(4), codes]
    assert ((restored == 0) == (matrix == 0)).mean() > 0.995
    ranks = [np.corrcoef(a, b)[0, 1] for a, b in zip(restored.T, matrix.T)]
    assert min(ranks) > 0.999


def test_the_same_input_gives_the_same_bytes() -> None:
    examples = base_examples()[:50]
    matrix = np.random.default_rng(1).normal(size=(50, WIDTH)).astype(np.float32)
    arguments = (matrix, np.ones(50), np.zeros(50), np.zeros((50, 2)), np.ones(SIZE))
    assert encode_base(examples, *arguments) == encode_base(examples, *arguments)


def test_a_base_is_put_where_there_is_no_folder_yet(tmp_path: Path) -> None:
    save_base(tmp_path / "new" / "model", b"data")
    assert base_of(tmp_path / "new" / "model").read_bytes() == b"data"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["model.base.npz"]


def test_copies_of_frozen_texts_are_known_and_others_are_not(start: Start) -> None:
    examples = base_examples()
    frozen = [e.text for e, held in zip(examples, start.base.holdout) if held][:20]
    learned = [e.text for e, held in zip(examples, start.base.holdout) if not held][:20]
    near = [text.upper().replace(" ", "\n", 1) + " more" for text in frozen]
    assert frozen_copies(frozen + near, start.base).all()
    assert not frozen_copies([*learned, "", "short text"], start.base).any()


def test_a_sketch_does_not_hold_the_text() -> None:
    assert sketch_of("a b").dtype == np.uint32
    assert sketch_of("one two " * 500).shape == (16,)


@pytest.mark.parametrize("damage", ["missing", "changed", "of another model", "not a zip"])
def test_a_base_that_does_not_belong_is_refused(start_folder: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(start_folder, folder)
    if damage != "missing":
        shutil.copy(base_of(start_folder), base_of(folder))
    if damage == "changed":
        with zipfile.ZipFile(base_of(folder), "a") as archive:
            archive.writestr("more.npy", b"")
    if damage == "of another model":
        manifest = (folder / "manifest.json").read_text()
        (folder / "manifest.json").write_text(manifest.replace('"base": "', '"base": "0'))
    if damage == "not a zip":
        base_of(folder).write_bytes(b"rubbish")
    with pytest.raises(ModelError, match=r"is missing|does not belong"):
        load_base(load_model(folder), folder)
