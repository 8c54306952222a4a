"""What others run on the same documents: each peer is set up once and then reads a list of texts.

Every peer is optional: one that is not installed, or does not work here, is left out with a note.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from itertools import count, cycle
from pathlib import Path

import numpy as np
from numba import njit

Reader = Callable[[], object]
"""Reads the documents it was made for, once."""
TABLE_BITS = 20
COPIES = 128 << 20
"""Bytes that all copies of the documents take: more than any cache holds."""
_WORD_BYTES = np.zeros(256, np.uint8)
_WORD_BYTES[[*range(48, 58), *range(97, 123)]] = [*range(48, 58), *range(97, 123)]
_WORD_BYTES[65:91] = np.arange(97, 123)
_WORD_BYTES[128:] = 1
_PRIME = np.uint64(1099511628211)
_SHIFT = np.uint64(64 - TABLE_BITS)


def byte_sum(documents: list[str]) -> Reader:
    """numpy reads every byte once, eight at a time: the limit that memory sets. It reads another copy each
    time, so that none is in the cache."""
    data = "".join(documents).encode()
    words = np.frombuffer(data[: len(data) // 8 * 8], np.uint64)
    copies = cycle(np.tile(words, (COPIES // words.nbytes + 1, 1)))
    return lambda: next(copies).sum()


@njit(nogil=True)
def _hash_words(buffer, offsets, fold, table, out):
    """out[d] = sum of table entries of all words and pairs of words in `buffer[offsets[d]:offsets[d + 1]]`."""
    for d in range(offsets.shape[0] - 1):
        total = 0.0
        word = previous = np.uint64(0)
        for i in range(offsets[d], offsets[d + 1]):
            letter = fold[buffer[i]]
            if letter:
                word = (word ^ np.uint64(letter)) * _PRIME
            elif word:
                total += table[(word * _PRIME) >> _SHIFT]
                total += table[((word ^ (previous << np.uint64(1))) * _PRIME) >> _SHIFT]
                previous = word
                word = np.uint64(0)
        out[d] = total


def tokenize_and_hash(documents: list[str]) -> Reader:
    """The floor for anything that looks n-grams up: words split and hashed, one look-up in a table of 2^20
    numbers for each word and each pair of words, nothing else."""
    encoded = [text.encode() for text in documents]
    buffer = np.frombuffer(b"".join(encoded), np.uint8)
    offsets = np.cumsum([0, *map(len, encoded)])
    table = np.random.default_rng(0).random(1 << TABLE_BITS, np.float32)
    out = np.empty(len(documents))
    return lambda: _hash_words(buffer, offsets, _WORD_BYTES, table, out)


def _labels(documents: list[str]) -> list[int]:
    """Any two classes will do: the cost of reading does not depend on what was learned."""
    return [i % 2 for i in range(len(documents))]


def fasttext(documents: list[str]) -> Reader:
    """A supervised model of 100 dimensions over words and pairs of words."""
    from fasttext import train_supervised

    lines = [text.replace("\n", " ") for text in documents]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        rows = zip(lines, _labels(lines))
        path.write_text("".join(f"__label__{label} {line}\n" for line, label in rows), encoding="utf-8")
        model = train_supervised(
            str(path), dim=100, wordNgrams=2, epoch=1, bucket=500_000, thread=1, verbose=0
        )
    return lambda: model.predict(lines)


def hashing_linear(documents: list[str]) -> Reader:
    """scikit-learn: hashed words and pairs of words, logistic regression."""
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(
        HashingVectorizer(ngram_range=(1, 2)), SGDClassifier(loss="log_loss", max_iter=5, tol=None)
    )
    sample = documents[:100] if len(documents) > 1 else documents * 2
    model.fit(sample, _labels(sample))
    return lambda: model.predict_proba(documents)


def datatrove(documents: list[str]) -> Reader:
    """Gopher quality, Gopher repetition and C4 filters, as a curator runs them."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from datatrove.data import Document
    from datatrove.pipeline.filters import C4QualityFilter, GopherQualityFilter, GopherRepetitionFilter

    filters = (
        GopherQualityFilter(),
        GopherRepetitionFilter(),
        C4QualityFilter(filter_no_terminal_punct=False),
    )
    return lambda: [f.filter(Document(text, str(i))) for i, text in enumerate(documents) for f in filters]


def textdescriptives(documents: list[str]) -> Reader:
    """The quality component on spaCy's tokenizer and sentence splitter, no language model."""
    import spacy
    from textdescriptives.components.quality import create_quality_component

    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    # Not by add_pipe: its default ranges are lists, which newer spaCy refuses.
    quality = create_quality_component(pipeline, "quality", (2, 4), 3, (5, 10), None, True)
    return lambda: [quality(pipeline(text)) for text in documents]


def textstat(documents: list[str]) -> Reader:
    """The consensus of its readability formulas."""
    import textstat as library

    library.text_standard(documents[0])
    fresh = count()  # it remembers the texts that it saw last; a crawl does not bring them back
    return lambda: [library.text_standard(f"{text} {next(fresh)}") for text in documents]


PEERS: dict[str, Callable[[list[str]], Reader]] = {
    "numpy: sum of the bytes": byte_sum,
    "numba: tokenize, hash, 2^20 table": tokenize_and_hash,
    "fastText, 100 dimensions, 1-2-grams": fasttext,
    "scikit-learn hashing 1-2-grams, linear": hashing_linear,
    "datatrove Gopher quality + repetition, C4": datatrove,
    "textdescriptives quality": textdescriptives,
    "textstat consensus": textstat,
}
