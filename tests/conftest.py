"""Opened once for the whole run: the shipped lexicon, the shipped model, the seeds of the shared data."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from detector.document import Document
from detector.features import NAMES
from detector.lexicon.folding import folding_table
from detector.lexicon.tables import Lexicon, LexiconFiles, load_lexicon
from detector.model import POLICIES, load_model
from detector.paths import LEXICON
from detector.scoring import Detector, load
from detector.signals.replaced import SIZE, pack_weights
from detector.training.matrix import feature_matrix
from tests.bundles import make_bundle
from tests.measuring import Measure

settings.register_profile(
    "suite", max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")
Features = Callable[[str | Document], dict[str, float]]
os.environ["DETECTOR_HOME"] = str(Path(__file__).parent / "no-home")
"""Labels and models of whoever runs the tests are neither read nor written; tests that write name a place."""
SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def detector(lexicon: LexiconFiles, tmp_path_factory: pytest.TempPathFactory) -> Detector:
    """Made-up weights over the shipped lexicon: for everything that holds whatever was learned."""
    folder = make_bundle(tmp_path_factory.mktemp("bundle") / "model")
    return Detector(load_model(folder), lexicon, "balanced", POLICIES["balanced"])


@pytest.fixture(scope="session")
def shipped() -> Detector:
    """The detector as users get it."""
    return load()


@pytest.fixture(scope="session")
def lexicon() -> LexiconFiles:
    return load_lexicon(LEXICON)


@pytest.fixture(scope="session")
def tables(lexicon: LexiconFiles) -> Lexicon:
    """The shipped tables with the folding of this source tree, whether or not they were rebuilt since."""
    fold = folding_table()
    fold.setflags(write=False)
    return lexicon.tables._replace(fold=fold)


@pytest.fixture(scope="session")
def measure(tables: Lexicon) -> Measure:
    """Tokens and signals of a text. The token stage has no weights here, so that no model is needed."""
    return Measure(tables, pack_weights(np.zeros(SIZE, np.float32)))


@pytest.fixture(scope="session")
def features_of(tables: Lexicon, detector: Detector) -> Features:
    """{feature name: value} of one text or Document."""

    def compute(document: str | Document) -> dict[str, float]:
        row = feature_matrix(tables, detector.model.heads.token_weights, [document])[0]
        return dict(zip(NAMES, row.tolist(), strict=True))

    return compute


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The data folder beside the repository; most machines don't have it."""
    if not SHARED.is_dir():
        pytest.skip(f"no shared data at {SHARED}")
    return SHARED
