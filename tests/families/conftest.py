"""A small corpus: articles of training_data/, some of them in several spun versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.document import Document
from detector.families import Family, find_families
from detector.lexicon.tables import LexiconFiles
from detector.spinner.profiles import profile
from detector.spinner.spin import Spinner
from detector.spinner.tables import Thesaurus
from detector.training.corpus import align, read_corpus

TRAINING_DATA = Path(__file__).parents[2] / "training_data"
KINDS = ("B", "C", "D", "thesaurus")
SPUN, ALONE = 8, 80

pytest.importorskip("datasketch")
pytest.importorskip("rapidfuzz")


def article(document_id: str) -> str:
    """Which article a version is of."""
    return document_id.partition("/")[0]


@pytest.fixture(scope="session")
def originals() -> list[tuple[str, str]]:
    """(id, text) of written articles, each by itself."""
    records = read_corpus(TRAINING_DATA, "pairs")
    step = len(records) // (SPUN + ALONE)
    return [(record.id, align(record.body).original) for record in records[::step]][: SPUN + ALONE]


@pytest.fixture(scope="session")
def corpus(originals: list[tuple[str, str]], lexicon: LexiconFiles) -> list[Document]:
    """Of the first eight articles a version by each kind of tool, of the others the original."""
    thesaurus = Thesaurus(lexicon)
    spun = [
        Document(
            Spinner(profile(kind), thesaurus, seed).spin(text).text, f"{id}/{kind}", f"https://{kind}.example"
        )
        for seed, (id, text) in enumerate(originals[:SPUN])
        for kind in KINDS
    ]
    return spun + [Document(text, f"{id}/original") for id, text in originals[SPUN:]]


@pytest.fixture(scope="session")
def found(corpus: list[Document]) -> list[Family]:
    return list(find_families(corpus))
