"""Where the time of one document goes: microseconds per stage of the fast path, on a stream of different documents
and on one document again and again.

    python benchmarks/stages.py                      # the documents of speed.py (about a minute, most of it compiling)
    python benchmarks/stages.py ../shared/data/clean_heldout/*.jsonl.xz

On a stream nothing is as the processor expects: table entries lie outside the near caches, and branches go otherwise
than the last time. One document repeated shows the floor. The clock is the processor's own counter, read between
the stages of each document; medians, so that other processes disturb little.
"""

from __future__ import annotations

import json
import lzma
import sys
import time
from pathlib import Path

import numba
import numpy as np
from documents import SIZE, documents
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from detector import Document, features, load
from detector.features import _bin_tokens, _densest, _measure_stretch, _measure_stuffing, _summarise_odds
from detector.packing import Batch, pack
from detector.scoring import BATCH_DOCUMENTS, Detector
from detector.signals import fit, insertion, noise, phrases, replaced, spelling, spintax, style, swap, words
from detector.tokens import tokenize

STAGES = (
    "tokens", "numbers in the way, spelling", "zones, words by themselves", "fit", "swap", "insertion", "phrases", "token stage", "style", "bins",
    "summaries", "spintax", "stuffing",
)  # fmt: skip
PER_FILE, REPEATS = 400, 500


@intrinsic  # type: ignore[untyped-decorator]
def _cycles(typing_context):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        kind = ir.FunctionType(ir.IntType(64), [])
        return builder.call(builder.module.declare_intrinsic("llvm.readcyclecounter", (), kind), [])

    return types.int64(), generate


@numba.njit
def _counter():
    return _cycles()


@numba.njit(nogil=True)
def _profile(lexicon, weights, buffer, offsets, zone_offsets, kinds, starts, ends, scratch, out, clock):
    """`features.document_features` with the counter read after each stage: `clock` int64[D, 1 + len(STAGES)]."""
    tokens, signals, zones = scratch.tokens, scratch.signals, scratch.zones
    for d in range(offsets.shape[0] - 1):
        begin, end, row, c = offsets[d], offsets[d + 1], out[d], clock[d]
        row[:] = 0.0
        c[0] = _cycles()
        count, total, _ = tokenize(
            buffer, begin, end, lexicon.fold, lexicon.word_keys, lexicon.word_ids, tokens
        )
        c[1] = _cycles()
        count, total = noise.drop_noise(lexicon, tokens, count, total)
        spelling.mend_spelling(lexicon, buffer, begin, tokens, count)
        c[2] = _cycles()
        features.mark_zones(tokens, count, kinds[:0], starts[:0], ends[:0], zones)
        words.look_up_words(lexicon, tokens.ids, count, signals.flags, signals.frequency)
        c[3] = _cycles()
        fit.measure_fit(lexicon, tokens.ids, count, signals.pair, signals.triple, signals.seen, signals.own)
        c[4] = _cycles()
        swap.measure_swap(
            lexicon, tokens.ids, signals.flags, count, signals.own, swap.GOOD_FIT, scratch.swap,
            signals.choice, signals.context, signals.best, signals.margin,
        )  # fmt: skip
        c[5] = _cycles()
        insertion.measure_insertion(lexicon, tokens, count, signals.pair, signals.gain)
        c[6] = _cycles()
        phrases.find_phrases(lexicon, tokens.ids, signals.flags, count, signals.phrase, signals.cover)
        c[7] = _cycles()
        replaced.score_tokens(
            lexicon, tokens, count, signals, weights, scratch.active, signals.replaced, signals.probability
        )
        c[8] = _cycles()
        style.measure_style(tokens, signals.flags, signals.frequency, zones, count, row[: len(style.NAMES)])
        c[9] = _cycles()
        _bin_tokens(lexicon, tokens, signals, zones, count, row)
        c[10] = _cycles()
        _summarise_odds(tokens, signals, zones, 1, count, scratch.histogram, row)
        _densest(tokens, signals, zones, count, features.WINDOW)
        _measure_stretch(tokens, signals, zones, count, scratch.histogram, row[features.STRETCH :])
        c[11] = _cycles()
        spintax.find_spintax(buffer, begin, end, scratch.spintax_starts, scratch.spintax_ends)
        c[12] = _cycles()
        _measure_stuffing(scratch, count, total, row[features.STUFFING : features.CONFIDENCE])
        c[13] = _cycles()


def _texts(detector: Detector, paths: list[str]) -> list[str]:
    """Documents of SIZE characters: those of `speed.py`, or cut from the `text` of JSONL files (.xz)."""
    if not paths:
        return documents(detector)
    texts = []
    for path in map(Path, paths):
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            long = (
                text for text in (json.loads(line).get("text", "") for line in lines) if len(text) >= SIZE
            )
            texts += [text[:SIZE] for text, _ in zip(long, range(PER_FILE), strict=False)]
    np.random.default_rng(0).shuffle(texts)
    return texts


def _nanoseconds_per_cycle() -> float:
    started, clock = _counter(), time.perf_counter_ns()
    time.sleep(0.3)
    passed: float = time.perf_counter_ns() - clock
    return passed / (_counter() - started)


def main(paths: list[str]) -> None:
    """Print the table in Markdown."""
    detector = load()
    texts = [Document(text) for text in _texts(detector, paths)]
    stream = [pack(texts[i : i + BATCH_DOCUMENTS]) for i in range(0, len(texts), BATCH_DOCUMENTS)]
    scratch = features.new_scratch(max(batch.longest for batch in stream))
    out = np.empty((BATCH_DOCUMENTS, features.WIDTH), np.float32)
    tables, weights = detector.lexicon.tables, detector.model.heads.token_weights

    def measure(batches: list[Batch]) -> np.ndarray:
        found = []
        for batch in batches:
            clock = np.zeros((len(batch.arrays[1]) - 1, 1 + len(STAGES)), np.int64)
            _profile(tables, weights, *batch.arrays, scratch, out, clock)
            found.append(np.diff(clock, axis=1))
        median: np.ndarray = np.median(np.concatenate(found), axis=0)
        return median

    measure(stream[:1])
    factor = _nanoseconds_per_cycle() / 1e3
    different, same = measure(stream * 3) * factor, measure([pack(texts[:1])] * REPEATS) * factor
    print(f"| stage | stream of {len(texts)} documents, µs each | one document again and again |")
    print("|---|---|---|")
    for name, one, other in zip(STAGES, different, same, strict=True):
        print(f"| {name} | {one:.1f} | {other:.1f} |")
    print(f"| **together** | **{different.sum():.0f}** | **{same.sum():.0f}** |")


if __name__ == "__main__":
    main(sys.argv[1:])
