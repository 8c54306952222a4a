"""The tiny lexicon, built once."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.lexicon.tables import LexiconFiles, load_lexicon
from tests.lexicon.sources import write_sources
from tests.measuring import Measure


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a lexicon built from `sources`."""
    pytest.importorskip("lemminflect", reason="building a lexicon needs the extra `train`")
    from detector.lexicon.build import build

    folder = tmp_path_factory.mktemp("lexicon")
    build(write_sources(folder / "raw"), folder / "tables", lambda line: None)
    return folder / "tables"


@pytest.fixture(scope="session")
def tiny(built: Path) -> LexiconFiles:
    return load_lexicon(built)


@pytest.fixture(scope="session")
def tiny_measure(tiny: LexiconFiles, measure: Measure) -> Measure:
    return Measure(tiny.tables, measure.token_weights)
