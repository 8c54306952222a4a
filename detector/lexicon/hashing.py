"""Hashes and table probes shared by the builder and the kernels (scalars in, scalars out).

An n-gram table is open addressing with linear probing over uint16 entries: 11 bits that tell n-grams apart
and a 5-bit logarithmic count (`count_of_level`); 0 is an empty slot. Trigrams share one table. Bigrams lie in
one small table per word, once under the left word and once under the right one, so that all candidates for
the place between two given words are looked up in the same few cache lines.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from detector.kernels import SCANNED, SCANNED_WORDS, inner, prefetch, scan

FNV_OFFSET = np.uint64(0xCBF29CE484222325)
FNV_PRIME = np.uint64(0x100000001B3)
LEVEL_BITS = 5
LEVELS = 1 << LEVEL_BITS
TAG_MASK = (1 << (16 - LEVEL_BITS)) - 1
WORD_BITS = 17
"""Word ids are below 2^17: with at least 64 slots, a word's home slot and its tag name it exactly."""
_WORD_MASK = (1 << WORD_BITS) - 1


@inner
def mix(key):
    """Finaliser of MurmurHash3 (Appleby, public domain): every input bit moves every output bit."""
    key ^= key >> np.uint64(33)
    key *= np.uint64(0xFF51AFD7ED558CCD)
    key ^= key >> np.uint64(33)
    key *= np.uint64(0xC4CEB9FE1A85EC53)
    key ^= key >> np.uint64(33)
    return key


@inner
def slot_of(hashed, size):
    """Map the upper 32 bits of a hash to [0, size) without a division (Lemire 2019)."""
    return np.int64(((hashed >> np.uint64(32)) * np.uint64(size)) >> np.uint64(32))


@inner
def permute(word):
    """A fixed shuffle of the word ids: neighbours in frequency must not be neighbours in a table."""
    x = (np.uint32(word) * np.uint32(0x9E3779B1)) & np.uint32(_WORD_MASK)
    x ^= x >> np.uint32(8)
    x = (x * np.uint32(0x85EBCA6B)) & np.uint32(_WORD_MASK)
    return np.int64(x ^ (x >> np.uint32(9)))


@inner
def neighbour_slot(size, shuffled):
    """Home slot of a word in a table of `size` slots, given its `permute`."""
    return (shuffled * size) >> WORD_BITS


@inner
def table_of(offsets, word):
    """(first slot, size) of a word's table."""
    first = np.int64(offsets[word])
    return first, np.int64(offsets[word + 1]) - first


@inner
def prefetch_slots(entries, slot):
    """Ask for what a look-up reads first, from its home slot on; that may lie on two cache lines."""
    prefetch(entries, slot)
    prefetch(entries, slot + SCANNED - 1)


@inner
def _probe(entries, first, size, slot, wanted):
    """Level of the entry tagged `wanted` in the table `entries[first : first + size]`, from its home slot on."""
    while slot + SCANNED <= size:
        ahead = scan(entries, first + slot, wanted, LEVEL_BITS)
        if ahead < SCANNED:
            return np.int64(entries[first + slot + ahead]) & (LEVELS - 1)
        slot += SCANNED
    if slot == size:
        slot = 0
    while True:
        entry = np.int64(entries[first + slot])
        if entry == 0:
            return 0
        if entry >> LEVEL_BITS == wanted:
            return entry & (LEVELS - 1)
        slot += 1
        if slot == size:
            slot = 0


@inner
def find_neighbour(entries, first, size, shuffled):
    """Level (1-31) of the bigram of a table's word with another one, 0 if absent. The table is
    `entries[first : first + size]` (uint16, with an empty slot if size > 0), `shuffled` the other word's
    `permute`."""
    if size == 0:
        return 0
    return _probe(entries, first, size, neighbour_slot(size, shuffled), shuffled & TAG_MASK)


@inner
def trigram_key(a, b, c):
    return mix((np.uint64(a) << np.uint64(40)) | (np.uint64(b) << np.uint64(20)) | np.uint64(c))


@inner
def find_trigram(entries, hashed):
    """Level (1-31) of a trigram, 0 if absent. `entries` uint16[S] has empty slots. At a load of 0.75 an absent
    one meets a false match with probability of about 1e-3."""
    size = entries.shape[0]
    return _probe(entries, 0, size, slot_of(hashed, size), np.int64(hashed & np.uint64(TAG_MASK)))


@inner
def find_word(keys, ids, hashed):
    """Id of a word, 0 if unknown. `keys` uint32[S] (0 = empty), `ids` int32[S]."""
    size = keys.shape[0]
    slot = slot_of(hashed, size)
    prefetch(ids, slot)
    wanted = np.uint32(hashed & np.uint64(0xFFFFFFFF))
    if wanted == 0:
        wanted = np.uint32(1)
    while slot + SCANNED_WORDS <= size:
        ahead = scan(keys, slot, wanted, 0)
        if ahead < SCANNED_WORDS:
            return np.int64(ids[slot + ahead]) * (keys[slot + ahead] == wanted)
        slot += SCANNED_WORDS
    if slot == size:
        slot = 0
    while True:
        found = keys[slot]
        if found == wanted:
            return np.int64(ids[slot])
        if found == 0:
            return 0
        slot += 1
        if slot == size:
            slot = 0


@inner
def extend_word_hash(state, letter):
    """One FNV-1a step (Fowler, Noll, Vo; public domain) over a folded ASCII letter."""
    return (state ^ np.uint64(letter)) * FNV_PRIME


@inner
def extend_phrase_hash(state, word):
    """The hash of a phrase grows by one word id; it starts at 0."""
    return mix((state ^ np.uint64(word)) + np.uint64(0x9E3779B97F4A7C15))


@njit
def hash_words(data, offsets):
    """Hash of each word: `data` uint8, `offsets` int64[W+1] -> uint64[W]."""
    out = np.empty(offsets.shape[0] - 1, np.uint64)
    for i in range(out.shape[0]):
        state = FNV_OFFSET
        for j in range(offsets[i], offsets[i + 1]):
            state = extend_word_hash(state, np.int64(data[j]))
        out[i] = mix(state)
    return out


@inner
def fill_neighbours(owners, others, level, offsets, entries):
    """Insert bigrams into the empty tables of their owners: `owners` and `others` int32[M] word ids, `level`
    uint8[M], `offsets` int32[W+1] where each word's table begins. The first insertion wins."""
    for i in range(owners.shape[0]):
        first = np.int64(offsets[owners[i]])
        size = np.int64(offsets[owners[i] + 1]) - first
        shuffled = permute(others[i])
        slot = neighbour_slot(size, shuffled)
        while entries[first + slot] != 0:
            slot = slot + 1 if slot + 1 < size else 0
        entries[first + slot] = np.uint16(((shuffled & TAG_MASK) << LEVEL_BITS) | level[i])


@inner
def fill_trigrams(grams, level, entries):
    """Insert `grams` int32[M, 3] with `level` uint8[M] into an empty table; the first insertion wins."""
    size = entries.shape[0]
    for i in range(grams.shape[0]):
        hashed = trigram_key(grams[i, 0], grams[i, 1], grams[i, 2])
        slot = slot_of(hashed, size)
        while entries[slot] != 0:
            slot = slot + 1 if slot + 1 < size else 0
        entries[slot] = np.uint16(((np.int64(hashed) & TAG_MASK) << LEVEL_BITS) | level[i])


@inner
def fill_words(hashes, ids, keys, values):
    """Insert `hashes` uint64[W] -> `ids` int32[W] into empty `keys` uint32[S], `values` int32[S]."""
    size = keys.shape[0]
    for i in range(hashes.shape[0]):
        slot = slot_of(hashes[i], size)
        while keys[slot] != 0:
            slot = slot + 1 if slot + 1 < size else 0
        low = np.uint32(hashes[i] & np.uint64(0xFFFFFFFF))
        keys[slot] = low if low != 0 else np.uint32(1)
        values[slot] = ids[i]


def count_of_level() -> np.ndarray:
    """float32[32]: the count that each level stands for; 0 is absent, 1 stands for 4, 31 for 1.2 million. The
    steps grow from 16 % to a factor of two: small counts decide whether two words go together."""
    i = np.arange(LEVELS - 1)
    counts: np.ndarray = np.concatenate([[0.0], 4.0 * np.exp(0.15 * i + 0.009 * i * i)]).astype(np.float32)
    return counts


def level_of(count: np.ndarray) -> np.ndarray:
    """Quantise counts (>= 1) to the nearest level 1-31 on the log scale."""
    steps = np.log(count_of_level()[1:])
    level: np.ndarray = (1 + np.searchsorted((steps[1:] + steps[:-1]) / 2, np.log(count))).astype(np.uint8)
    return level
