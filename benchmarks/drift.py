"""How often `detector drift` raises an alarm: where nothing changed, and where spun pages came in.

    python benchmarks/drift.py    # about two minutes

Clean prose of 36 sources is cut at random into an old and a new half; some of the new one is replaced by real
SpinBot output. Prints Markdown. Data: `../shared/data` (docs/data_card.md).
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from detector import load
from detector.drift import Sample, compare
from detector.training.examples import read_jsonl_xz
from detector.training.matrix import feature_matrix

DATA = Path(__file__).parent.parent.parent / "shared" / "data"
PER_SOURCE = 60
REPEATS = 50
SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)


class Pool:
    """Scored texts with their features, from which samples are drawn."""

    def __init__(self, texts: list[str]) -> None:
        detector = load()
        verdicts = list(detector.score_batch(texts, evidence=False))
        kept = [(t, v) for t, v in zip(texts, verdicts) if v.status == "scored"]
        self.verdicts = [v.to_dict() for _, v in kept]
        self.rows = feature_matrix(
            detector.lexicon.tables, detector.model.heads.token_weights, [t for t, _ in kept]
        )


def draw(name: str, parts: list[tuple[Pool, list[int]]]) -> Sample:
    """A sample of the documents with these numbers."""
    found = Sample(name)
    for pool, numbers in parts:
        for i in numbers:
            found.add(pool.verdicts[i])
    found.rows = np.concatenate([pool.rows[numbers] for pool, numbers in parts])
    return found


def main() -> None:
    rng = random.Random(0)
    clean = []
    for path in sorted((DATA / "clean_heldout").glob("*.jsonl.xz")):
        texts = [record["text"][:3000] for record in read_jsonl_xz(path)]
        clean += rng.sample(texts, min(PER_SOURCE, len(texts)))
    spun = [record["text"] for record in read_jsonl_xz(DATA / "labelled" / "spinbot_real.jsonl.xz")]
    honest, spinbot = Pool(clean), Pool(spun)
    print(
        "| spun pages in the new half | alarms by scores or flags | by anything | of draws |\n|---|---|---|---|"
    )
    half = len(honest.verdicts) // 2
    for share in SHARES:
        count = round(share * half)
        by_scores = by_anything = 0
        for _ in range(REPEATS):
            numbers = rng.sample(range(len(honest.verdicts)), 2 * half)
            added = rng.sample(range(len(spinbot.verdicts)), count)
            old = draw("old", [(honest, numbers[:half])])
            new = draw("new", [(honest, numbers[half : 2 * half - count]), (spinbot, added)])
            found = compare(old, new)
            by_scores += any(s.reading != "normal" for s in (*found.shares, *found.scores))
            by_anything += bool(found.moved)
        print(f"| {share:.0%} ({count} of {half}) | {by_scores} | {by_anything} | {REPEATS} |", flush=True)


if __name__ == "__main__":
    main()
