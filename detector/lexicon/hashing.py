"""Hashes and table probes shared by the builder and the kernels (scalars in, scalars out).

N-gram tables are open addressing with linear probing: `keys[slot]` is a 16-bit fingerprint (0 = empty),
`levels[slot]` an 8-bit logarithmic count. At a load of 0.75 an absent n-gram meets a false match with
probability of about 1e-4. A word id takes 20 bits, so three fit into one 64-bit key.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

FNV_OFFSET = np.uint64(0xCBF29CE484222325)
FNV_PRIME = np.uint64(0x100000001B3)
LEVEL_STEP = 0.06
"""One level is a factor of exp(0.06) = 6 % in the count; 255 levels reach 4 million."""


@njit
def mix(key):
    """Finaliser of MurmurHash3 (Appleby, public domain): every input bit moves every output bit."""
    key ^= key >> np.uint64(33)
    key *= np.uint64(0xFF51AFD7ED558CCD)
    key ^= key >> np.uint64(33)
    key *= np.uint64(0xC4CEB9FE1A85EC53)
    key ^= key >> np.uint64(33)
    return key


@njit
def slot_of(hashed, size):
    """Map the upper 32 bits of a hash to [0, size) without a division (Lemire 2019)."""
    return np.int64(((hashed >> np.uint64(32)) * np.uint64(size)) >> np.uint64(32))


@njit
def fingerprint16(hashed):
    """The lower 16 bits, never 0 (0 marks an empty slot)."""
    low = np.uint16(hashed & np.uint64(0xFFFF))
    return low if low != 0 else np.uint16(1)


@njit
def bigram_key(a, b):
    return mix((np.uint64(a) << np.uint64(20)) | np.uint64(b))


@njit
def trigram_key(a, b, c):
    return mix(
        (np.uint64(a) << np.uint64(40)) | (np.uint64(b) << np.uint64(20)) | np.uint64(c) | np.uint64(1 << 62)
    )


@njit
def find_level(keys, levels, hashed):
    """Level (1-255) of an n-gram, 0 if absent. `keys` uint16[S], `levels` uint8[S]; S has empty slots."""
    size = keys.shape[0]
    slot = slot_of(hashed, size)
    wanted = fingerprint16(hashed)
    while True:
        found = keys[slot]
        if found == wanted:
            return np.int64(levels[slot])
        if found == 0:
            return 0
        slot += 1
        if slot == size:
            slot = 0


@njit
def find_word(keys, ids, hashed):
    """Id of a word, 0 if unknown. `keys` uint32[S] (0 = empty), `ids` int32[S]."""
    size = keys.shape[0]
    slot = slot_of(hashed, size)
    wanted = np.uint32(hashed & np.uint64(0xFFFFFFFF))
    if wanted == 0:
        wanted = np.uint32(1)
    while True:
        found = keys[slot]
        if found == wanted:
            return np.int64(ids[slot])
        if found == 0:
            return 0
        slot += 1
        if slot == size:
            slot = 0


@njit
def extend_word_hash(state, letter):
    """One FNV-1a step (Fowler, Noll, Vo; public domain) over a folded ASCII letter."""
    return (state ^ np.uint64(letter)) * FNV_PRIME


@njit
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


@njit
def fill_ngrams(grams, level, keys, levels):
    """Insert `grams` int32[M, 2 or 3] with `level` uint8[M] into empty tables; the first insertion wins."""
    size = keys.shape[0]
    for i in range(grams.shape[0]):
        if grams.shape[1] == 2:
            hashed = bigram_key(grams[i, 0], grams[i, 1])
        else:
            hashed = trigram_key(grams[i, 0], grams[i, 1], grams[i, 2])
        slot = slot_of(hashed, size)
        while keys[slot] != 0:
            slot = slot + 1 if slot + 1 < size else 0
        keys[slot] = fingerprint16(hashed)
        levels[slot] = level[i]


@njit
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


def level_of(count: np.ndarray) -> np.ndarray:
    """Quantise counts (>= 1) to levels 1-255: level = 1 + round(ln(count) / LEVEL_STEP)."""
    level: np.ndarray = np.clip(1 + np.rint(np.log(count) / LEVEL_STEP), 1, 255).astype(np.uint8)
    return level


def count_of_level() -> np.ndarray:
    """float32[256]: the count that each level stands for; level 0 (absent) is 0."""
    return np.array([0.0] + [math.exp((i - 1) * LEVEL_STEP) for i in range(1, 256)], np.float32)
