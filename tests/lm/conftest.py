"""The tiny reader, built once by the code that builds the real one. Without the extra `lm` only `test_extra.py`
is collected, which says so."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from detector.lm.reader import Reader

MISSING = [name for name in ("gguf", "onnx", "onnxruntime", "tokenizers") if find_spec(name) is None]
if MISSING:
    collect_ignore_glob = ["test_[!e]*.py"]


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.lm.tiny import write_gguf

    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="session")
def folder(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from detector.lm.build import build
    from tests.lm.tiny import SHAPE

    return build(weights, tmp_path_factory.mktemp("reader") / "lm", SHAPE.taps, "tiny")


@pytest.fixture(scope="session")
def reader(folder: Path) -> Reader:
    from detector.lm.reader import Reader

    return Reader(folder)
