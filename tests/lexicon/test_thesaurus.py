from collections import defaultdict
from pathlib import Path

import pytest

from detector.lexicon import thesaurus
from tests.lexicon.sources import MOBY, SYNONYMS, write_sources


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    write_sources(tmp_path / "raw")
    return tmp_path / "raw"


def test_wordnet_gives_synset_mates_and_related_words(raw: Path) -> None:
    pairs = set(thesaurus.wordnet_pairs(raw / "wordnet"))
    synset, related = thesaurus.STRENGTH["synset"], thesaurus.STRENGTH["related"]
    assert {("brain", "mind", "NOUN", synset), ("mind", "brain", "NOUN", synset)} <= pairs
    assert ("enough", "sufficient", "ADJ", synset) in pairs  # "(p)" is a marker, no part of the word
    assert ("brain", "stem", "NOUN", related) in pairs
    assert not any(a == b for a, b, _, _ in pairs)


def test_moby_and_lists_give_single_words_only(raw: Path) -> None:
    assert list(thesaurus.moby_pairs(raw / "moby.txt")) == [
        ("brain", "price"), ("clean", "washed"), ("clean", "the"), ("zymurgy", "brain"),
    ]  # fmt: skip
    assert list(thesaurus.list_pairs(SYNONYMS)) == [("price", "mind"), ("rare", "zymurgy")]
    assert any("well-known" in line for line in MOBY)


def test_pairs_go_both_ways_at_the_strongest_strength() -> None:
    found: thesaurus.Candidates = defaultdict(dict)
    thesaurus.add_pair(found, "a", "b", 1.0)
    thesaurus.add_pair(found, "b", "a", 3.0)
    thesaurus.add_pair(found, "a", "b", 2.0)
    thesaurus.add_pair(found, "a", "a", 6.0)
    assert found == {"a": {"b": 3.0}, "b": {"a": 3.0}}


def test_pairs_stand_in_the_same_inflection() -> None:
    pytest.importorskip("lemminflect", reason="needs the extra `train`")
    found: thesaurus.Candidates = defaultdict(dict)
    thesaurus.add_inflected(found, "clean", "wash", "VERB", 1.0)
    assert found["cleaned"] == {"washed": 1.0}
    assert found["cleans"] == {"washes": 1.0}
    assert found["cleaning"] == {"washing": 1.0}
