"""What the last stage adds on data that no stage was trained on, and what it costs.

    python benchmarks/lm.py --sample 300     # texts of each set; hidden states are kept on disk

Prints Markdown for docs/lm.md. Needs `detector lm build` and `../shared/data` (see docs/data_card.md).
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator

import numpy as np
from quality import CLEAN_SETS, LABELLED, Unseen, plain, read_jsonl_xz, separation

from detector import load
from detector.lm.folder import default_folder
from detector.lm.reader import Reader
from detector.lm.stage import load_fitted
from detector.model import POLICIES
from detector.training.states import StatesCache

WAYS = ("fast stage alone", "doubtful pages read", "every page read")


class Ways(Unseen):
    """Scores `spun` log-odds of the same texts in three ways: fast alone, band, every page."""

    def __init__(self, sample: int, jobs: int) -> None:
        super().__init__()
        self.sample, self.jobs = sample, jobs
        self.reader, self.fitted = Reader(), load_fitted()
        self.cache = StatesCache(default_folder().with_name("lm-states"), self.reader)
        self.detectors = [load(), load(lm=True), load(lm="always")]
        self.inside: dict[str, float] = {}

    def odds(self, texts: list[str], name: str) -> np.ndarray:
        """float64[D, 3] of those texts of a random sample on which the detector does not abstain."""
        chosen = random.Random(0).sample(texts, min(self.sample, len(texts)))
        verdicts = list(self.detector.score_batch(chosen, evidence=False))
        kept = [(t, v.spun) for t, v in zip(chosen, verdicts, strict=True) if v.spun is not None]
        spun = np.clip([p for _, p in kept], 1e-9, 1 - 1e-9)
        fast = np.log(spun / (1 - spun))
        states = self.cache.of([text for text, _ in kept], lambda line: None, self.jobs)
        read = np.array([self.fitted.probe(np.asarray(s.values, np.float32))[0] for s in states])
        both = self.fitted.combine(fast, read)
        low, high = self.fitted.band
        doubtful = (fast >= low) & (fast <= high)
        self.inside[name] = float(doubtful.mean())
        return np.stack([fast, np.where(doubtful, both, fast), both], axis=1)

    def separations(self) -> Iterator[str]:
        spinbot, pubmed = (
            self.odds([plain(r["text"]) for r in read_jsonl_xz(LABELLED / f"{name}.jsonl.xz")], name)
            for name in ("spinbot_real", "pubmed_human")
        )
        for way, name in enumerate(WAYS):
            yield f"| SpinBot (real) against PubMed | {name} | {separation(spinbot[:, way], pubmed[:, way])} |"

    def honest(self) -> Iterator[str]:
        limits = [
            [np.log(t / (1 - t)) for t in (d.model.thresholds(rate)[0] for rate in POLICIES.values())]
            for d in self.detectors
        ]
        for name in CLEAN_SETS:
            odds = self.odds([r["text"] for r in self.read(name) if len(r["text"].split()) >= 50], name)
            cells = [
                f"{(odds[:, way] >= limits[way][1]).mean():.1%} / {(odds[:, way] >= limits[way][2]).mean():.1%}"
                for way in range(3)
            ]
            yield f"| {name} | {len(odds)} | {self.inside[name]:.0%} | {' | '.join(cells)} |"

    def speed(self) -> str:
        texts = [r["text"] for r in self.read("clean_gum")][:20]
        tokens = [len(self.reader.token_ids(text)) for text in texts]
        times = []
        for text in texts:
            started = time.process_time()
            self.fitted.probe(self.reader.states(text).values)
            times.append(time.process_time() - started)
        return f"{1 / np.median(times):.1f} pages a second of processor time on one core, {np.median(tokens):.0f} tokens a page (median of 20)"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sample", type=int, default=300, help="texts of each set")
    parser.add_argument("--jobs", type=int, default=1, help="threads that read")
    options = parser.parse_args()
    ways = Ways(options.sample, options.jobs)
    print("| set | way | AUC | TPR at 0.1 % FPR | at 1 % | at 5 % |\n|---|---|---|---|---|---|")
    for line in ways.separations():
        print(line, flush=True)
    print(
        "\n| honest texts flagged as spun, `balanced` / `sensitive` | texts | doubtful | " + " | ".join(WAYS)
    )
    print("|---|---|---|---|---|---|")
    for line in ways.honest():
        print(line, flush=True)
    print("\n" + ways.speed())
