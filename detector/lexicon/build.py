"""`detector lexicon build`: count files and thesauri -> the tables that `lexicon.tables` maps.

Comes in: `{uni,bi,tri}gram_counts.tsv.xz` (`ngram<TAB>count`, by count descending), WordNet's folder,
Moby's word list, synonym lists, a tortured-phrase list, the spin tables. Goes out: one `.npy` per table
and a manifest with sizes, hashes and the recipe. Same input, same bytes.
"""

from __future__ import annotations

import json
import lzma
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detector.lexicon import hashing, thesaurus
from detector.lexicon.folding import folding_table
from detector.lexicon.tables import (
    BREAK,
    FIRST_WORD,
    MAX_CANDIDATES,
    NUMBER,
    PHRASE_BEGUN,
    UNKNOWN,
    Flag,
    write_tables,
)

VOCABULARY = 118_000
MIN_BIGRAM, MIN_TRIGRAM = 4, 5
LOAD = 0.75
NEIGHBOUR_LOAD = 0.6
"""Emptier: most look-ups of a bigram by `signals.swap` are for one that is absent, which ends at an empty slot."""
CANDIDATE_MIN_COUNT = 300
"""A word is offered as 'what stood there before' only if it is this frequent in the 136 M words."""
PHRASE_MAX_WORDS = 6
MAX_ORIGINALS = 8
"""Of a phrase, at most."""
RING_MIN_COUNT = 20
"""Rarer words are no inflections of others: they are names and typing errors more often."""
PHRASE_MAX_COUNT = 1000
"""A phrase that the 136 M words of clean prose have more often gives no spinner away."""
PHRASE_WORDS = re.compile(r"[a-z]+(?:'[a-z]+)?")


@dataclass(frozen=True)
class Sources:
    """Where the raw material lies; `tables` is the folder of the project's own spin tables. `written` are pairs of
    (what a spinner wrote, what stood there), for suggestions only: scoring must not know its training texts."""

    counts: Path
    wordnet: Path
    moby: Path
    tables: Path
    written: tuple[tuple[str, str], ...] = ()


def read_counts(path: Path, minimum: int) -> Iterator[tuple[list[str], int]]:
    """(words, count) down to `minimum`; the files are sorted, so reading stops there."""
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            ngram, _, count = line.rstrip("\n").partition("\t")
            if int(count) < minimum:
                return
            yield ngram.split(" "), int(count)


def read_spin_table(path: Path) -> Iterator[tuple[str, list[str]]]:
    """(original, replacements) from `original<TAB>replacement|replacement` lines."""
    for line in path.read_text(encoding="utf-8").splitlines():
        original, tab, replacements = line.partition("\t")
        if tab and not line.startswith("#"):
            found = [text.strip().lower() for text in replacements.split("|")]
            yield original.strip().lower(), [text for text in found if text]


def read_tortured(path: Path) -> Iterator[tuple[str, str]]:
    """(tortured phrase, expected term) where both are plain words; joined-up list entries are left out."""
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            expected = re.sub(r"\(.*?\)", "", record["expected"] or "").strip().lower()
            tortured = record["tortured"].lower()
            if expected and " and " not in tortured and re.fullmatch(r"[a-z' -]+", tortured):
                yield tortured, expected


def phrase_words(text: str) -> list[str]:
    return PHRASE_WORDS.findall(text.replace("\u2019", "'").lower())


def trim(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Two phrases less the words in which both begin or end."""
    while a and b and a[0] == b[0]:
        a, b = a[1:], b[1:]
    while a and b and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    return a, b


def single_swaps(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """From phrase pairs of equal length that differ in one or two words: those words."""
    for spun, original in pairs:
        a, b = phrase_words(spun), phrase_words(original)
        different = [(x, y) for x, y in zip(a, b, strict=False) if x != y]
        if len(a) == len(b) and 1 <= len(different) <= 2:
            yield from different


class Builder:
    """Holds the vocabulary while the tables are made, one method per group of tables."""

    def __init__(self, sources: Sources, log: Callable[[str], None]) -> None:
        self.sources = sources
        self.log = log
        self.arrays: dict[str, np.ndarray] = {}
        self.pairs = self._phrase_pairs()
        self.words: list[str] = []
        self.ids: dict[str, int] = {}
        self.counts: dict[str, int] = {}

    def _phrase_pairs(self) -> list[tuple[str, str]]:
        """(what spinners write, what stood there): tortured phrases and the spin tables, in file order."""
        pairs = list(read_tortured(self.sources.counts / "tortured_phrases.jsonl.xz"))
        for path in sorted(self.sources.tables.glob("*.tsv")):
            for original, replacements in read_spin_table(path):
                pairs += [(replacement, original) for replacement in replacements]
        return pairs

    def vocabulary(self) -> None:
        """The most frequent words, then any other word that a phrase needs."""
        counted = {words[0]: n for words, n in read_counts(self.sources.counts / "unigram_counts.tsv.xz", 2)}
        plain = [word for word in counted if not word.startswith("<")]
        needed = {word for pair in self.pairs for text in pair for word in phrase_words(text)}
        self.words = ["", "<s>", "<unk>", "<num>", *plain[:VOCABULARY]]
        have = set(self.words)
        self.words += sorted(needed - have)
        self.ids = {word: i for i, word in enumerate(self.words)}
        self.counts = {word: counted.get(word, 1) for word in self.words}
        if len(self.words) > 1 << hashing.WORD_BITS:
            raise ValueError(f"the vocabulary outgrew the {hashing.WORD_BITS} bits of a word id")
        encoded = [word.encode() if i >= FIRST_WORD else b"" for i, word in enumerate(self.words)]
        offsets = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum([len(word) for word in encoded], out=offsets[1:])
        data = np.frombuffer(b"".join(encoded), np.uint8)
        size = int(len(encoded) / 0.6)
        keys, ids = np.zeros(size, np.uint32), np.zeros(size, np.int32)
        hashes = hashing.hash_words(data, offsets)[FIRST_WORD:]
        hashing.fill_words(hashes, np.arange(FIRST_WORD, len(encoded), dtype=np.int32), keys, ids)
        logs = np.log(np.array([max(self.counts[word], 1) for word in self.words]))
        self.arrays |= {
            "word_text": data,
            "word_offsets": offsets.astype(np.int32),
            "word_keys": keys,
            "word_ids": ids,
            "log_count": logs.astype(np.float32),
        }
        self.log(f"{len(self.words):,} words")

    def ngrams(self, order: str, minimum: int) -> None:
        """One table of n-grams whose words are all in the vocabulary (`<unk>` says nothing, so it goes)."""
        path = self.sources.counts / f"{order}_counts.tsv.xz"
        special = {"<s>": BREAK, "<num>": NUMBER}
        ids = {word: i for word, i in self.ids.items() if i >= FIRST_WORD} | special
        rows: list[list[int]] = []
        counts: list[int] = []
        for words, count in read_counts(path, minimum):
            row = [ids.get(word, UNKNOWN) for word in words]
            if UNKNOWN not in row:
                rows.append(row)
                counts.append(count)
        grams = np.array(rows, np.int32).reshape(-1, 2 if order == "bigram" else 3)
        level = hashing.level_of(np.array(counts))
        if order == "trigram":
            entries = np.zeros(max(int(len(rows) / LOAD) | 1, 3), np.uint16)
            hashing.fill_trigrams(grams, level, entries)
            self.arrays["trigrams"] = entries
        else:
            self._neighbours("follower", grams[:, 0], grams[:, 1], level)
            kept = np.isin(grams[:, 0], self.arrays["candidate_ids"])
            self._neighbours("predecessor", grams[kept, 1], grams[kept, 0], level[kept])
        self.log(f"{len(rows):,} {order}s")

    def _neighbours(self, name: str, owners: np.ndarray, others: np.ndarray, level: np.ndarray) -> None:
        """One small table per word, of what follows it or comes before it. Only swap candidates are looked up
        as predecessors, so only theirs are kept."""
        had = np.bincount(owners, minlength=len(self.words))
        sizes = np.where(had > 0, np.maximum(np.ceil(had / NEIGHBOUR_LOAD), had + 1), 0).astype(np.int64)
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        entries = np.zeros(int(offsets[-1]), np.uint16)
        owners, others = np.ascontiguousarray(owners), np.ascontiguousarray(others)
        hashing.fill_neighbours(owners, others, level, offsets, entries)
        self.arrays |= {f"{name}_offsets": offsets, f"{name}s": entries}

    def candidates(self) -> None:
        """For each word the words that may have stood there before: `offsets` int32[W+1], `ids` int32[M]."""
        frequent = {word for word in self.words[FIRST_WORD:] if self.counts[word] >= CANDIDATE_MIN_COUNT}
        path = self.sources.counts / "open_source_spinner_synonyms.txt.xz"
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            listed = list(thesaurus.list_pairs(lines))
        direct = [(a, b, thesaurus.STRENGTH["phrase"]) for a, b in single_swaps(self.pairs)]
        direct += [
            (a, b, thesaurus.STRENGTH["table"])
            for a, b in self.pairs
            if PHRASE_WORDS.fullmatch(a) and PHRASE_WORDS.fullmatch(b)
        ]
        found = thesaurus.collect(self.sources.wordnet, self.sources.moby, listed, direct, frequent)
        offsets = np.zeros(len(self.words) + 1, np.int32)
        flat: list[int] = []
        strength: list[float] = []
        for i, word in enumerate(self.words):
            if i >= FIRST_WORD:
                usable = [(c, s) for c, s in found.get(word, {}).items() if c in frequent]
                usable.sort(key=lambda item: (-(item[1] + 0.3 * math.log(self.counts[item[0]])), item[0]))
                flat += [self.ids[c] for c, _ in usable[:MAX_CANDIDATES]]
                strength += [s for _, s in usable[:MAX_CANDIDATES]]
            offsets[i + 1] = len(flat)
        self.arrays |= {"candidate_offsets": offsets, "candidate_ids": np.array(flat, np.int32)}
        self.arrays["candidate_strength"] = np.rint(10 * np.array(strength)).astype(np.uint8)
        self.log(f"{len(flat):,} swap candidates")

    def phrases(self) -> None:
        """Phrases that spinners write, and how they begin: hash -> index; per phrase the suggestion and its clean log count."""
        seen = self._clean_phrase_counts()
        best: dict[tuple[str, ...], str] = {}
        for spun, original in self.pairs:
            words, before = tuple(phrase_words(spun)), tuple(phrase_words(original))
            rare = seen.get(words, 0) <= PHRASE_MAX_COUNT
            if 2 <= len(words) <= PHRASE_MAX_WORDS and words != before and rare:
                known = tuple(phrase_words(best[words])) if words in best else ()
                if not known or self._frequency(before, seen) > self._frequency(known, seen):
                    best[words] = original
        ordered = sorted(best)
        begun = sorted({words[:n] for words in ordered for n in range(2, len(words))} - best.keys())
        values = np.full(len(ordered) + len(begun), PHRASE_BEGUN, np.int32)
        values[: len(ordered)] = np.arange(1, len(ordered) + 1)
        keys, index = self._index([*ordered, *begun], values)
        texts = [best[words].encode() for words in ordered]
        offsets = np.zeros(len(texts) + 1, np.int32)
        np.cumsum([len(text) for text in texts], out=offsets[1:])
        flags = np.zeros(len(self.words), np.uint8)
        for words in ordered:
            flags[self.ids[words[0]]] |= Flag.PHRASE_START
        for name, flag in (("function_words", Flag.FUNCTION), ("commercial_words", Flag.COMMERCIAL)):
            for word in (Path(__file__).parent / f"{name}.txt").read_text(encoding="utf-8").split():
                if word in self.ids:
                    flags[self.ids[word]] |= flag
        self.arrays |= {
            "phrase_keys": keys,
            "phrase_index": index,
            "phrase_log_count": np.log1p([seen.get(words, 0) for words in ordered]).astype(np.float32),
            "suggestion_text": np.frombuffer(b"".join(texts), np.uint8),
            "suggestion_offsets": offsets,
            "word_flags": flags,
        }
        self.log(f"{len(ordered):,} phrases")

    def _index(self, phrases: list[tuple[str, ...]], values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(keys uint32[S], values int32[S]) of a hash table over phrases."""
        hashes = np.array([hash_phrase([self.ids[w] for w in words]) for words in phrases], np.uint64)
        keys = np.zeros(int(len(hashes) / 0.5) | 1, np.uint32)
        index = np.zeros(keys.shape[0], np.int32)
        hashing.fill_words(hashes, values, keys, index)
        return keys, index

    def _frequency(self, words: tuple[str, ...], seen: dict[tuple[str, ...], int]) -> int:
        """How often an original stands in clean prose: of several that a phrase may stand for, the commonest
        is suggested."""
        return self.counts.get(words[0], 0) if len(words) == 1 else seen.get(words, 0)

    def _clean_phrase_counts(self) -> dict[tuple[str, ...], int]:
        """How often each phrase stands in clean prose: exact for 2-3 words, the rarest trigram for longer."""
        wanted = {tuple(phrase_words(text)) for pair in self.pairs for text in pair}
        parts = {p[i : i + 3] for p in wanted if len(p) > 3 for i in range(len(p) - 2)}
        counts: dict[tuple[str, ...], int] = {}
        for order in ("bigram", "trigram"):
            for words, count in read_counts(self.sources.counts / f"{order}_counts.tsv.xz", 1):
                gram = tuple(words)
                if gram in wanted or gram in parts:
                    counts[gram] = count
        longer = {
            p: min(counts.get(p[i : i + 3], 0) for i in range(len(p) - 2)) for p in wanted if len(p) > 3
        }
        return counts | longer

    def originals(self) -> None:
        """Pairs as real tools write them, both sides of at most six words, and rings of inflections: for
        `detector.suggestions`."""
        found: dict[tuple[str, ...], Counter[tuple[str, ...]]] = defaultdict(Counter)
        for spun, original in [*self.pairs, *self.sources.written, *thesaurus.contraction_pairs()]:
            whole = tuple(phrase_words(spun)), tuple(phrase_words(original))
            for a, b in {whole, trim(*whole)} if not re.search(r"\d", spun + original) else ():
                known = all(word in self.ids for word in a + b)
                if known and 1 <= len(a) <= PHRASE_MAX_WORDS and 1 <= len(b) <= PHRASE_MAX_WORDS and a != b:
                    found[a][b] += 1
        ordered = sorted(found)
        entries = [
            (found[a], *entry) for a in ordered for entry in sorted(found[a].most_common(MAX_ORIGINALS))
        ]
        keys, index = self._index(ordered, np.arange(1, len(ordered) + 1, dtype=np.int32))
        sizes = [min(len(found[a]), MAX_ORIGINALS) for a in ordered]
        self.arrays |= {
            "original_keys": keys,
            "original_index": index,
            "original_groups": np.concatenate([[0], np.cumsum(sizes)]),
            "original_offsets": np.concatenate([[0], np.cumsum([len(words) for _, words, _ in entries])]),
            "original_words": np.array([self.ids[w] for _, words, _ in entries for w in words], np.int32),
            "original_log_share": np.log([count / (sum(of.values()) + 1) for of, _, count in entries]),
            "original_sibling": self._siblings(),
        }
        self.log(f"{len(entries):,} originals of {len(ordered):,} phrases")

    def _siblings(self) -> np.ndarray:
        """A ring through all inflections of a lemma: where a word has several, their rings are joined."""
        ring = np.zeros(len(self.words), np.int32)
        of: dict[str, int] = {}
        for i, word in enumerate(self.words[FIRST_WORD:], FIRST_WORD):
            ring[i] = i
            for lemma in thesaurus.lemmas(word) if self.counts[word] >= RING_MIN_COUNT else ():
                other = of.setdefault(lemma, i)
                if not self._on_ring(ring, i, other):
                    ring[i], ring[other] = ring[other], ring[i]
        return np.where(ring == np.arange(len(ring)), 0, ring)

    @staticmethod
    def _on_ring(ring: np.ndarray, start: int, wanted: int) -> bool:
        at = start
        while at != wanted:
            at = int(ring[at])
            if at == start:
                return False
        return True

    def write(self, target: Path) -> None:
        """Make the tables that rest on the vocabulary, and write all."""
        self.candidates()
        self.ngrams("bigram", MIN_BIGRAM)
        self.ngrams("trigram", MIN_TRIGRAM)
        self.phrases()
        self.originals()
        write_tables(target, self.arrays | {"fold": folding_table()})


def hash_phrase(ids: list[int]) -> int:
    """The hash that `signals.phrases` computes while it walks over the tokens."""
    state = np.uint64(0)
    for word in ids:
        state = np.uint64(hashing.extend_phrase_hash(state, word))
    return int(state)


def build(sources: Sources, target: Path, log: Callable[[str], None]) -> None:
    """Make all tables and write them to `target`. Takes about two minutes and 4 GB."""
    builder = Builder(sources, log)
    builder.vocabulary()
    builder.write(target)
