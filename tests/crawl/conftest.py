"""One finished run for all tests: each run of its own starts processes, which takes seconds."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from detector.crawl import Plan, run
from detector.lexicon.tables import LexiconFiles
from detector.scoring import Detector, load
from tests.bundles import make_bundle
from tests.readers.warcs import members, page, record, text


@pytest.fixture(scope="session")
def made_up(tmp_path_factory: pytest.TempPathFactory, lexicon: LexiconFiles) -> Path:
    """A model bundle that processes can load."""
    return make_bundle(tmp_path_factory.mktemp("crawl") / "model", lexicon=lexicon.digest)


@pytest.fixture(scope="session")
def loaded(made_up: Path) -> Detector:
    return load(made_up)


@pytest.fixture(scope="session")
def whole(made_up: Path, loaded: Detector, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The plan of an undisturbed run, which is finished, over sixty records, of which two are broken."""
    pytest.importorskip("resiliparse")
    folder = tmp_path_factory.mktemp("crawl")
    records = [page(i) if i % 2 else text(i) for i in range(60)]
    records[7] = page(7, lie=40)
    records[30] = record(30, b"no answer")
    (folder / "a.warc.gz").write_bytes(members(*records))
    inputs = [str(folder / "a.warc.gz")]
    plan = Plan(inputs, folder / "whole", part_size=16, model=made_up, evidence=False)
    run(plan, loaded)
    return plan


@pytest.fixture
def plan(whole: Plan, tmp_path: Path) -> Plan:
    """The same plan for a folder of one's own, where nothing is yet."""
    return replace(whole, folder=tmp_path / "out")


@pytest.fixture
def finished(plan: Plan, whole: Plan) -> Plan:
    """The same, where all is finished."""
    shutil.copytree(whole.folder, plan.folder)
    return plan
