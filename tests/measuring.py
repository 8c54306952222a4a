"""Run tokenizer and signals on one text and look at the result by word."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.document import Document, Zone
from detector.features import Scratch, new_scratch
from detector.kernels import kernel
from detector.lexicon.tables import BREAK, Lexicon
from detector.packing import pack
from detector.scoring import _measure
from detector.signals.replaced import TokenWeights
from detector.signals.swap import measure_swap
from detector.tokens import Mark

ANY_FIT = (np.float32(np.inf), np.float32(np.inf))


@kernel
def _ask_everywhere(lexicon, ids, signals, count, scratch):  # type: ignore[no-untyped-def]
    """Measure swaps also where scoring does not ask since the word fits."""
    measure_swap(
        lexicon, ids, signals.flags, count, signals.own, ANY_FIT, scratch,
        signals.choice, signals.context, signals.best, signals.margin,
    )  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """The signals of `text`: `scratch` cut to its `count` tokens."""

    text: str
    count: int
    groups: int
    scratch: Scratch

    def column(self, name: str) -> np.ndarray:
        """A per-token array by name: ids, starts, ends, marks, pair, context, best, phrase, ..."""
        owner = self.scratch.tokens if hasattr(self.scratch.tokens, name) else self.scratch.signals
        found: np.ndarray = getattr(owner, name)
        return found[: self.count]

    def is_word(self) -> np.ndarray:
        return np.not_equal(self.column("ids"), BREAK)

    def spans(self) -> list[tuple[int, int]]:
        """(start, end) of each word."""
        keep = self.is_word()
        return list(
            zip(self.column("starts")[keep].tolist(), self.column("ends")[keep].tolist(), strict=True)
        )

    def words(self) -> list[str]:
        return [self.text[start:end] for start, end in self.spans()]

    def sentences(self) -> list[list[str]]:
        """Words between breaks."""
        found: list[list[str]] = []
        for id, start, end in zip(
            self.column("ids"), self.column("starts"), self.column("ends"), strict=True
        ):
            if id == BREAK:
                found.append([])
            else:
                found[-1].append(self.text[start:end])
        return found

    def at(self, word: str) -> int:
        """The first token that reads `word`."""
        starts, ends = self.column("starts"), self.column("ends")
        return next(t for t in range(self.count) if self.text[starts[t] : ends[t]] == word)

    def marks(self, word: str) -> Mark:
        return Mark(int(self.column("marks")[self.at(word)]))


class Measure:
    """`measure(text)` with given tables and token weights, suggestions for every word; results own their memory."""

    def __init__(self, tables: Lexicon, token_weights: TokenWeights) -> None:
        self.tables = tables
        self.token_weights = token_weights

    def __call__(self, text: str, zones: tuple[Zone, ...] = ()) -> Measured:
        batch = pack([Document(text, zones=zones)])
        scratch = new_scratch(batch.longest)
        count, groups = _measure(self.tables, self.token_weights, batch, scratch)
        _ask_everywhere(self.tables, scratch.tokens.ids, scratch.signals, count, scratch.swap)
        return Measured(text, count, groups, scratch)
