"""A server for all tests that don't change it, with the made-up model that flags stuffing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from detector.scoring import Detector, load
from detector.server import Settings
from tests.cli.conftest import bundle  # noqa: F401  (a fixture)
from tests.server.live import Live, serve_here


@pytest.fixture(scope="session")
def reference(bundle: Path) -> Detector:  # noqa: F811
    """What the server must agree with."""
    return load(bundle)


@pytest.fixture(scope="session")
def live(bundle: Path) -> Iterator[Live]:  # noqa: F811
    with serve_here(Settings(model=bundle, port=0, jobs=2)) as server:
        yield server


@pytest.fixture
def client(live: Live) -> Iterator[httpx.Client]:
    with live.client() as connected:
        yield connected
