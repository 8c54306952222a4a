import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.lexicon import hashing


def words(generator: np.random.Generator, *shape: int) -> np.ndarray:
    return generator.integers(1, 1 << hashing.WORD_BITS, shape).astype(np.int32)


def test_trigrams_are_found_again_and_others_hardly_ever() -> None:
    generator = np.random.default_rng(5)
    grams = np.unique(words(generator, 3_000, 3), axis=0)
    level = (np.arange(len(grams)) % 31 + 1).astype(np.uint8)
    entries = np.zeros(int(len(grams) / 0.75), np.uint16)
    hashing.fill_trigrams(grams, level, entries)

    def find(gram: np.ndarray) -> int:
        return int(hashing.find_trigram(entries, np.uint64(hashing.trigram_key(*gram))))

    assert sum(find(gram) != wanted for gram, wanted in zip(grams, level, strict=True)) <= 12
    assert sum(find(gram) > 0 for gram in words(generator, 3_000, 3)) <= 20


@pytest.mark.parametrize("size", [1, 2, 60, 900, 20_000])
def test_neighbours_are_found_again_and_others_hardly_ever(size: int) -> None:
    generator = np.random.default_rng(size)
    others = np.unique(words(generator, size))
    level = (np.arange(len(others)) % 31 + 1).astype(np.uint8)
    slots = max(int(len(others) / 0.75), len(others) + 1)
    offsets = np.array([0, 0, 5, 5 + slots], np.int32)
    entries = np.zeros(5 + slots, np.uint16)
    hashing.fill_neighbours(np.full(len(others), 2, np.int32), others, level, offsets, entries)

    def find(other: int) -> int:
        return int(hashing.find_neighbour(entries, 5, slots, hashing.permute(other)))

    assert (
        sum(find(other) != wanted for other, wanted in zip(others, level, strict=True)) <= len(others) // 500
    )
    absent = np.setdiff1d(words(generator, 3_000), others)
    assert sum(find(other) > 0 for other in absent) <= 20


def test_the_permutation_is_one() -> None:
    ids = range(1 << hashing.WORD_BITS)
    assert len({hashing.permute(id) for id in ids}) == len(ids)


def test_a_crowded_table_wraps_around() -> None:
    grams = np.arange(1, 25, dtype=np.int32).reshape(8, 3)
    entries = np.zeros(9, np.uint16)
    hashing.fill_trigrams(grams, np.arange(1, 9, dtype=np.uint8), entries)
    found = [hashing.find_trigram(entries, np.uint64(hashing.trigram_key(*gram))) for gram in grams]
    assert found == list(range(1, 9))
    assert hashing.find_trigram(entries, np.uint64(hashing.trigram_key(99, 98, 97))) == 0


def test_order_of_words_matters() -> None:
    assert hashing.trigram_key(5, 6, 7) != hashing.trigram_key(6, 5, 7)
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


@pytest.mark.parametrize("size", [9, 24])
def test_a_crowded_table_of_words_wraps_around(size: int) -> None:
    hashes = np.random.default_rng(size).integers(0, 1 << 63, size - 1).astype(np.uint64)
    keys, values = np.zeros(size, np.uint32), np.zeros(size, np.int32)
    hashing.fill_words(hashes, np.arange(1, size, dtype=np.int32), keys, values)
    assert [hashing.find_word(keys, values, hashed) for hashed in hashes] == list(range(1, size))
    assert hashing.find_word(keys, values, np.uint64(12345)) == 0


@given(st.integers(4, 1_200_000))
def test_a_level_stands_for_its_count(count: int) -> None:
    level = hashing.level_of(np.array([count]))[0]
    assert 1 <= level <= 31
    assert hashing.count_of_level()[level] == pytest.approx(count, rel=0.1 if count < 20 else 0.45)
