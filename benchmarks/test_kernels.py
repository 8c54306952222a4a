"""Each stage of the fast path by itself, on the documents of `speed.py`: `make bench`, or

    pytest benchmarks --benchmark-only --benchmark-timer=time.process_time --benchmark-autosave --benchmark-compare

which keeps the figures of each run and shows them beside those of the run before. `speed.py` has the figures
that count; these tell which stage a change made slower or faster. Per call: all documents.
"""

from __future__ import annotations

import numpy as np
import pytest
from documents import documents
from pytest_benchmark.fixture import BenchmarkFixture

from detector import Document, features, load
from detector.evidence import collect_evidence
from detector.kernels import kernel
from detector.packing import Batch, pack
from detector.scoring import Detector, _measure, _score
from detector.tokens import tokenize
from detector.verdict import Verdict


@pytest.fixture(scope="module")
def detector() -> Detector:
    return load()


@pytest.fixture(scope="module")
def texts(detector: Detector) -> list[Document]:
    return [Document(text) for text in documents(detector)[:100]]


@pytest.fixture(scope="module")
def batch(texts: list[Document]) -> Batch:
    return pack(texts)


@pytest.fixture(scope="module")
def scratch(batch: Batch) -> features.Scratch:
    return features.new_scratch(batch.longest)


@kernel
def _tokenize_all(lexicon, buffer, offsets, tokens):
    count = 0
    for d in range(offsets.shape[0] - 1):
        found, _, _ = tokenize(
            buffer, offsets[d], offsets[d + 1], lexicon.fold, lexicon.word_keys, lexicon.word_ids, tokens
        )
        count += found
    return count


@kernel
def _all_heads(heads, matrix, walk, odds):
    features.head_odds(heads.spun, matrix, walk, odds[0])
    features.head_odds(heads.stuffed, matrix, walk, odds[1])


def test_pack(benchmark: BenchmarkFixture, texts: list[Document]) -> None:
    assert benchmark(pack, texts).longest > 0


def test_tokenize(
    benchmark: BenchmarkFixture, detector: Detector, batch: Batch, scratch: features.Scratch
) -> None:
    buffer, offsets = batch.arrays[:2]
    assert benchmark(_tokenize_all, detector.lexicon.tables, buffer, offsets, scratch.tokens) > 0


def test_signals_of_one_document(
    benchmark: BenchmarkFixture, detector: Detector, texts: list[Document], scratch: features.Scratch
) -> None:
    weights = detector.model.heads.token_weights
    count, _ = benchmark(_measure, detector.lexicon.tables, weights, pack(texts[:1]), scratch)
    assert count > 0


def test_heads(benchmark: BenchmarkFixture, detector: Detector, texts: list[Document]) -> None:
    from detector.training.matrix import feature_matrix

    heads = detector.model.heads
    matrix = feature_matrix(detector.lexicon.tables, heads.token_weights, texts)
    odds = np.empty((2, len(texts)))
    benchmark(_all_heads, heads, matrix, features.new_walk(), odds)
    assert np.isfinite(odds).all()


def test_scores(
    benchmark: BenchmarkFixture, detector: Detector, batch: Batch, scratch: features.Scratch
) -> None:
    """The whole kernel: everything but packing and making verdicts."""
    count = len(batch.arrays[1]) - 1
    matrix, words = np.empty((count, features.WIDTH), np.float32), np.empty((count, 2), np.int64)
    odds = np.empty((2, count))
    heads = detector.model.heads
    benchmark(_score, detector.lexicon.tables, heads, batch, scratch, matrix, words, odds)
    assert np.isfinite(odds).all()


def test_verdicts(benchmark: BenchmarkFixture, detector: Detector, texts: list[Document]) -> None:
    def read() -> list[Verdict]:
        return list(detector.score_batch(texts, evidence=False))

    assert len(benchmark(read)) == len(texts)


def test_evidence_of_one_flagged_document(
    benchmark: BenchmarkFixture, detector: Detector, texts: list[Document], scratch: features.Scratch
) -> None:
    """Beyond the signals: choosing, naming and weighing the places."""
    flagged = texts[0]
    weights = detector.model.heads.token_weights
    count, spintax = _measure(detector.lexicon.tables, weights, pack([flagged]), scratch)
    assert benchmark(collect_evidence, detector.lexicon, flagged, scratch, count, spintax, 0.9, 0.5)
