"""Texts on which the gate tries both models: spun pages of every kind and honest ones, written for this project.

The frozen hold-out is kept as numbers, as the shipped token stage computed them: what a changed token stage does
is seen on texts alone. Shipped models learned from these texts too, so the shares say little; differences do.

    python -m detector.training.known training_data     # pack them anew, after that corpus has changed
"""

from __future__ import annotations

import json
import lzma
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from detector.lexicon.tables import Lexicon
from detector.model import POLICIES, Model
from detector.paths import DATA
from detector.signals.replaced import TokenWeights
from detector.training.examples import read_jsonl_xz, written_examples
from detector.training.matrix import feature_matrix
from detector.training.trees import split_trees

KNOWN = DATA / "known.jsonl.xz"
HONEST = "honest"


class Known(NamedTuple):
    """A text; `kind` is "A" to "G" for one spun by hand in the way of that kind of tool, else "honest"."""

    text: str
    kind: str


@cache
def known_texts() -> tuple[Known, ...]:
    """All of them, in a fixed order."""
    return tuple(Known(record["text"], record["kind"]) for record in read_jsonl_xz(KNOWN))


def known_flags(model: Model, lexicon: Lexicon, token_weights: TokenWeights | None = None) -> np.ndarray:
    """bool[len(known_texts())]: which of them the spun head of `model` flags under the balanced policy, with other
    `token_weights` than its own if these are given."""
    weights = model.heads.token_weights if token_weights is None else token_weights
    matrix = feature_matrix(lexicon, weights, [known.text for known in known_texts()])
    flags: np.ndarray = (
        expit(split_trees(model.arrays)[0].raw(matrix)) >= model.thresholds(POLICIES["balanced"])[0]
    )
    return flags


def pack(written: Path, target: Path = KNOWN) -> int:
    """Write the spun pages and honest texts of the written corpus to `target`; returns their number. The originals
    of spun pages are left out. The same corpus gives the same bytes."""
    chosen = [
        Known(example.text, example.kind if example.spun else HONEST)
        for example in written_examples(written)
        if example.spun == 1 or example.group.startswith("honest:")
    ]
    lines = "".join(json.dumps(known._asdict(), ensure_ascii=False) + "\n" for known in chosen)
    target.write_bytes(lzma.compress(lines.encode(), preset=9))
    return len(chosen)


if __name__ == "__main__":
    print(f"{pack(Path(sys.argv[1])):,} texts in {KNOWN}")
