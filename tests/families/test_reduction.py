from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import given

from detector.families.classes import class_shares, is_function, synonym_classes
from detector.families.reduction import MAX_CONTENT, reduced_text, shingles, shipped_reducer
from detector.lexicon.tables import LexiconFiles
from detector.training.corpus import SLOT, read_corpus
from tests.families.conftest import TRAINING_DATA
from tests.strategies import any_text


def test_swapped_words_stay_in_their_class_far_more_often_than_chance(lexicon: LexiconFiles) -> None:
    classes = synonym_classes(lexicon.tables)
    swapped = [
        (lexicon.id_of[spun], lexicon.id_of[original])
        for record in read_corpus(TRAINING_DATA, "pairs")
        for spun, original in SLOT.findall(record.body.lower())
        if spun != original and spun in lexicon.id_of and original in lexicon.id_of
    ]
    kept = np.mean([classes[a] == classes[b] for a, b in swapped])
    by_chance = np.square(class_shares(lexicon.tables, classes)[~is_function(lexicon.tables)]).sum()
    assert len(swapped) > 1000
    assert kept > 0.35
    assert by_chance < 0.01


def test_classes_are_the_same_every_time_and_shares_add_up(lexicon: LexiconFiles) -> None:
    classes = synonym_classes(lexicon.tables)
    assert np.array_equal(classes, synonym_classes(lexicon.tables))
    assert np.isclose(class_shares(lexicon.tables, classes).sum(), 1)
    function = np.flatnonzero(is_function(lexicon.tables))
    assert np.array_equal(classes[function], function)


def test_synonyms_reduce_to_the_same_text_and_names_stay() -> None:
    reduced = reduced_text("Exercise can help the doctor, said Zbigniew Okonkwo in 1987.")
    assert reduced == reduced_text("Exercise may assist a physician, said Zbigniew Okonkwo, in 1987!")
    assert Counter(reduced.split())["zbigniew"] == Counter(reduced.split())["1987"] == 2
    assert "the" not in reduced.split()


@given(any_text)
def test_shingles_are_the_pairs_of_the_reduced_text(text: str) -> None:
    names = shipped_reducer().class_names(text)
    pairs = set(pairwise(names))
    assert len(shingles(shipped_reducer().content(text))) <= len(pairs)


def test_content_of_a_long_text_is_bounded() -> None:
    assert len(shipped_reducer().content("rope boat " * 10_000)) == MAX_CONTENT
