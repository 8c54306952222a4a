import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.lexicon import hashing


def filled(grams: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    keys, levels = np.zeros(size, np.uint16), np.zeros(size, np.uint8)
    level = (np.arange(len(grams)) % 255 + 1).astype(np.uint8)
    hashing.fill_ngrams(grams, level, keys, levels)
    return keys, levels


@pytest.mark.parametrize("order", [2, 3])
def test_ngrams_are_found_again_and_others_hardly_ever(order: int) -> None:
    generator = np.random.default_rng(5)
    grams = np.unique(generator.integers(1, 1 << 20, (3_000, order)), axis=0).astype(np.int32)
    keys, levels = filled(grams, int(len(grams) / 0.75))
    key = hashing.bigram_key if order == 2 else hashing.trigram_key
    found = [hashing.find_level(keys, levels, np.uint64(key(*gram))) for gram in grams]
    wrong = sum(level != i % 255 + 1 for i, level in enumerate(found))
    assert wrong <= 2
    absent = generator.integers(1, 1 << 20, (3_000, order))
    assert sum(hashing.find_level(keys, levels, np.uint64(key(*gram))) > 0 for gram in absent) <= 5


def test_a_crowded_table_wraps_around() -> None:
    grams = np.arange(1, 17, dtype=np.int32).reshape(8, 2)
    keys, levels = filled(grams, 9)
    found = [hashing.find_level(keys, levels, np.uint64(hashing.bigram_key(a, b))) for a, b in grams]
    assert found == list(range(1, 9))
    assert hashing.find_level(keys, levels, np.uint64(hashing.bigram_key(99, 98))) == 0


def test_order_of_words_matters() -> None:
    assert hashing.bigram_key(5, 6) != hashing.bigram_key(6, 5)
    assert hashing.trigram_key(0, 5, 6) != hashing.bigram_key(5, 6)
    assert hashing.extend_phrase_hash(np.uint64(0), 5) != hashing.extend_phrase_hash(np.uint64(0), 6)


def test_words_are_found_by_their_hash() -> None:
    words = [f"word{i}".encode() for i in range(500)]
    offsets = np.cumsum([0, *map(len, words)]).astype(np.int64)
    hashes = hashing.hash_words(np.frombuffer(b"".join(words), np.uint8), offsets)
    assert len(set(hashes.tolist())) == 500
    keys, values = np.zeros(801, np.uint32), np.zeros(801, np.int32)
    hashing.fill_words(hashes[:400], np.arange(1, 401, dtype=np.int32), keys, values)
    found = [hashing.find_word(keys, values, hashed) for hashed in hashes]
    assert found == [*range(1, 401), *[0] * 100]


@given(st.integers(1, 4_000_000))
def test_a_level_stands_for_its_count_within_three_percent(count: int) -> None:
    level = hashing.level_of(np.array([count]))[0]
    assert 1 <= level <= 255
    assert hashing.count_of_level()[level] == pytest.approx(count, rel=0.031)


def test_level_nought_means_never_seen() -> None:
    counts = hashing.count_of_level()
    assert counts[0] == 0.0
    assert counts[1] == 1.0
    assert (np.diff(counts) > 0).all()
    assert hashing.level_of(np.array([10**12]))[0] == 255
