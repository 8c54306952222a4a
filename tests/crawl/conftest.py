from pathlib import Path

import pytest

from detector.crawl import Plan
from detector.scoring import Detector, load
from tests.bundles import make_bundle
from tests.readers.warcs import members, page, record, text


@pytest.fixture(scope="session")
def made_up(tmp_path_factory: pytest.TempPathFactory, lexicon: object) -> Path:
    """A model bundle that processes can load."""
    return make_bundle(tmp_path_factory.mktemp("crawl") / "model", lexicon=lexicon.digest)  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def loaded(made_up: Path) -> Detector:
    return load(made_up)


@pytest.fixture
def archive(tmp_path: Path) -> str:
    """Sixty records, of which two are broken."""
    pytest.importorskip("resiliparse")
    records = [page(i) if i % 2 else text(i) for i in range(60)]
    records[7] = page(7, lie=40)
    records[30] = record(30, b"no answer")
    (tmp_path / "a.warc.gz").write_bytes(members(*records))
    return str(tmp_path / "a.warc.gz")


@pytest.fixture
def plan(archive: str, made_up: Path, tmp_path: Path) -> Plan:
    return Plan([archive], tmp_path / "out", part_size=16, model=made_up, evidence=False)
