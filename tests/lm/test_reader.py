from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.lm.errors import LanguageModelError
from detector.lm.reader import POSITIONS, Reader
from tests.lm.tiny import WIDTH


@given(text=st.text(max_size=200))
def test_any_text_is_read_and_every_token_has_its_place(reader: Reader, text: str) -> None:
    states = reader.states(text)
    count = len(states.values)
    assert states.values.shape == (count, WIDTH)
    assert count < POSITIONS
    assert np.isfinite(states.values).all()
    assert (states.starts < states.ends).all()
    assert (states.starts >= 0).all()
    assert (states.ends <= len(text)).all()
    assert (count == 0) == (text == "")


def test_places_count_code_points(reader: Reader) -> None:
    text = "\U0001f600 naïve the"
    states = reader.states(text)
    assert text[states.starts[-1] : states.ends[-1]].strip() == "the"


def test_lone_surrogates_are_read_as_signs(reader: Reader) -> None:
    assert len(reader.states("the \ud800 the").values) == len(reader.states("the ? the").values)


def test_only_the_beginning_is_read(reader: Reader) -> None:
    long = reader.states("the " * 50_000)
    assert len(long.values) == POSITIONS - 1


def test_threads_read_the_same(reader: Reader) -> None:
    texts = [f"the other {'the ' * n}" for n in range(20)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda text: reader.states(text).values, texts))
    for text, values in zip(texts, together, strict=True):
        assert np.array_equal(values, reader.states(text).values)


def test_not_built(tmp_path: Path) -> None:
    with pytest.raises(LanguageModelError, match=r"not built yet.*detector lm build"):
        Reader(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_damaged_file_is_named(folder: Path, tmp_path: Path, name: str) -> None:
    broken = copytree(folder, tmp_path / "lm")
    data = (broken / name).read_bytes()
    (broken / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(LanguageModelError, match=f"{name} was cut off or changed.*detector lm build"):
        Reader(broken)
    (broken / name).unlink()
    with pytest.raises(LanguageModelError, match=f"{name}.*detector lm build"):
        Reader(broken)


@pytest.mark.parametrize(
    "manifest", ["", "[]", "{", '{"format": 99}', '{"format": 1}', '{"format": 1, "files": {"../x": "1"}}']
)
def test_a_manifest_that_makes_no_sense_is_refused(folder: Path, tmp_path: Path, manifest: str) -> None:
    broken = copytree(folder, tmp_path / "lm")
    (broken / "manifest.json").write_text(manifest)
    with pytest.raises(LanguageModelError, match="detector lm build"):
        Reader(broken)
