"""A text without what spinners change: function words left out, the others reduced to their class.

The *content* of a text is one number for each content word: its synonym class, or the word's own hash where
the lexicon does not know it (names, numbers, jargon). Its *shingles*, the set that MinHash looks at, are the
pairs of neighbours in the content, and each rare word by itself, since rare ones (names above all) survive
even where a free paraphrase leaves few neighbours together.
"""

from __future__ import annotations

import threading
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np

from detector import tokens
from detector.families.classes import class_shares, is_function, synonym_classes
from detector.kernels import kernel
from detector.lexicon.tables import BREAK, FIRST_WORD, NUMBER, LexiconFiles, load_lexicon
from detector.paths import LEXICON

MAX_CHARACTERS = 1_000_000
MAX_CONTENT = 5_000
"""Content words that are looked at, about 10,000 words: alignment costs the product of two lengths."""
RARE = 1e-5
"""A class with a smaller share of running English stands for itself."""
LONG_NUMBER = 3
"""Digits from which a number is as telling as a rare word: "2" stands everywhere."""
HASHED, RARE_KEY = np.uint64(1 << 32), np.uint64(1 << 33)
"""Bits of a key: a hash, not a class; and rare."""


class Words(NamedTuple):
    """The words of a text in order. keys uint64[N], the same for synonyms: class or hash, with the bits above;
    content bool[N]; starts and ends int32[N], code points."""

    keys: np.ndarray
    content: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


@kernel
def _tokenize(buffer, fold, word_keys, word_ids, out):  # type: ignore[no-untyped-def]
    return tokens.tokenize(buffer, 0, buffer.shape[0], fold, word_keys, word_ids, out)


class Reducer:
    """Reduces texts with the classes of one lexicon. Thread-safe; make one and keep it."""

    def __init__(self, lexicon: LexiconFiles) -> None:
        self._lexicon = lexicon
        tables = lexicon.tables
        self._classes = synonym_classes(tables)
        rare = (class_shares(tables, self._classes) < RARE)[self._classes]
        self._keys = self._classes.astype(np.uint64) | np.where(rare, RARE_KEY, np.uint64(0))
        self._function = is_function(tables)
        self._local = threading.local()

    def words(self, text: str) -> Words:
        """The words of the first 1,000,000 characters."""
        ids, hashes, starts, ends = self._tokenize(text[:MAX_CHARACTERS])
        telling = (ids != NUMBER) | (ends - starts >= LONG_NUMBER)
        hashed = hashes | HASHED | np.where(telling, RARE_KEY, np.uint64(0))
        keys = np.where(ids >= FIRST_WORD, self._keys[ids], hashed)
        return Words(keys, ~self._function[ids], starts, ends)

    def content(self, text: str) -> np.ndarray:
        """uint64[C]: the keys of the first 5,000 content words."""
        words = self.words(text)
        content: np.ndarray = words.keys[words.content][:MAX_CONTENT]
        return content

    def class_names(self, text: str) -> list[str]:
        """The content, readable: each word as the commonest word of its class, rare ones twice.

        Pairs of neighbours in this list are the shingles: a rare word is its own neighbour.
        """
        words = self.words(text)
        names: list[str] = []
        for i in np.flatnonzero(words.content)[:MAX_CONTENT].tolist():
            key = words.keys[i]
            name = (
                text[words.starts[i] : words.ends[i]] if key & HASHED else self._names[int(key & ~RARE_KEY)]
            )
            names += [name.lower()] * (2 if key & RARE_KEY else 1)
        return names

    @cached_property
    def _names(self) -> dict[int, str]:
        """{class: its commonest word}."""
        log_count = self._lexicon.tables.log_count
        names: dict[int, str] = {}
        for word in np.argsort(-log_count, kind="stable").tolist():
            if word >= FIRST_WORD:
                names.setdefault(int(self._classes[word]), self._lexicon.word(word))
        return names

    def _tokenize(self, text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """ids, hashes uint64, starts, ends of the words. The only place here that knows the tokenizer."""
        buffer = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
        if getattr(self._local, "size", -1) < len(buffer):
            self._local.size = max(len(buffer), 1 << 16)
            self._local.tokens = tokens.new_tokens(self._local.size)
        out: tokens.Tokens = self._local.tokens
        tables = self._lexicon.tables
        count, _, _ = _tokenize(buffer, tables.fold, tables.word_keys, tables.word_ids, out)
        word = np.flatnonzero(out.ids[:count] != BREAK)
        return out.ids[word], out.hashes[word].astype(np.uint64), out.starts[word], out.ends[word]


@cache
def shipped_reducer() -> Reducer:
    """The one of the lexicon that comes with the package. Raises LexiconError if that is damaged."""
    return Reducer(load_lexicon(LEXICON))


def reduced_text(text: str) -> str:
    """The text column for the MinHash stages of a cluster engine: set their n-grams to 2.

    Lower-case words with a space between; spun versions of one text share most pairs of neighbours.
    """
    return " ".join(shipped_reducer().class_names(text))


def shingles(content: np.ndarray) -> np.ndarray:
    """uint32[S], without repeats: hashes of neighbouring pairs; a rare word is its own neighbour."""
    doubled = np.repeat(content, np.where(content & RARE_KEY, 2, 1))
    if len(doubled) < 2:
        return np.zeros(0, np.uint32)
    return np.unique(_mix(_mix(doubled[:-1]) + doubled[1:])).astype(np.uint32)


def _mix(x: np.ndarray) -> np.ndarray:
    """Spread 64 bits (finalizer of splitmix64, Steele et al. 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = x ^ (x >> np.uint64(31))
    return mixed
