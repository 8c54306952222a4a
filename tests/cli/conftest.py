"""A model with made-up weights that flags stuffing and nothing else, and a way to call the command line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from detector import features
from detector.cli import app
from detector.lexicon.tables import LexiconFiles
from detector.model import save_model
from tests.bundles import make_arrays, make_manifest

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
"""For calls in a process of their own: the tests also run where the package is not installed."""


@dataclass(frozen=True)
class Answer:
    """What a call wrote and returned."""

    status: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


Detect = Callable[..., Answer]


@pytest.fixture(scope="session")
def bundle(lexicon: LexiconFiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`stuffed` is high where a phrase of three words is often repeated, `spun` is always low."""
    repeated = float(features.NAMES.index("stuffing_top_3gram"))
    arrays = make_arrays() | {
        "trees.npy": np.array(
            [[repeated, 0.01, 1, 2, 0], [-1, 0, 0, 0, -8], [-1, 0, 0, 0, 8], [-1, 0, 0, 0, -8]], np.float64
        ),
        "spun_roots.npy": np.array([3], np.int32),
        "stuffed_roots.npy": np.array([0], np.int32),
        "scales.npy": np.array([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]),
    }
    folder = tmp_path_factory.mktemp("cli") / "model"
    save_model(folder, make_manifest(lexicon=lexicon.digest), arrays)
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return tmp_path


@pytest.fixture
def detect(bundle: Path, here: Path) -> Detect:
    """Call a command in the empty folder; scoring commands get the made-up model."""

    def call(*arguments: str) -> Answer:
        scoring = arguments[0] in ("score", "explain", "model") and "--model" not in arguments
        extra = ["--model", str(bundle)] if scoring and "--help" not in arguments else []
        result = CliRunner().invoke(app, [*arguments, *extra], catch_exceptions=False)
        return Answer(result.exit_code, result.stdout, result.stderr)

    return call
