from __future__ import annotations

import pytest

from detector.lexicon.tables import LexiconFiles
from detector.spinner.tables import Thesaurus


@pytest.fixture(scope="session")
def thesaurus(lexicon: LexiconFiles) -> Thesaurus:
    return Thesaurus(lexicon)
