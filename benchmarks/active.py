"""Labels needed to learn a kind of spinning that training never saw: `detector suggest` against random picking.

    python benchmarks/active.py --kind F --kind G    # some minutes a kind

A base model is fitted without the kind. A pool like a crawl (9 in 10 pages honest, 1 in 20 of the new kind, 1 in
20 of others) offers its texts; `suggest` or chance picks some, they get their true labels, and the spun head is
fitted again with them. Counted: the share of the new kind found in other texts when 1 % of honest ones are
flagged. Prints Markdown, draws docs/images/active.png. Data: `../shared/data` (docs/data_card.md). A smaller
base than the shipped one, and a plain refit rather than `detector train --labels`: read the difference between
the two ways of picking, not the heights.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detector import Detector, Document, features
from detector.lexicon.tables import load_lexicon
from detector.model import POLICIES, load_model, save_model
from detector.paths import LEXICON
from detector.spinner.profiles import KINDS
from detector.spinner.tables import Thesaurus
from detector.training import fit
from detector.training.examples import Example, clean_prose, spun_versions, stuffed_versions, written_examples
from detector.training.matrix import feature_matrix
from detector.training.suggest import suggest, text_key

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data"
COUNTS = (0, 10, 20, 40, 80, 160)
REPEATS = 5
LABEL_WEIGHT = 8.0
POOL = 1500


@dataclass
class World:
    """A base model that knows nothing of the kind, and texts of the kind among others to pick from."""

    base: list[Example]
    matrix: np.ndarray
    detector: Detector
    pool_clean: list[Example]
    pool_other: list[Example]
    pool_kind: list[Example]
    test_honest: np.ndarray
    test_kind: np.ndarray


def build(kind: str, per_source: int, folder: Path) -> World:
    """Fit the base on a third of the clean texts, without the kind; a third is for the pool, one for the test."""
    lexicon = load_lexicon(LEXICON)
    thesaurus = Thesaurus(lexicon)
    others = tuple(k for k in KINDS if k != kind)
    clean = clean_prose(DATA / "clean_heldout", per_source, 1)
    random.Random(0).shuffle(clean)
    third = len(clean) // 3
    known, offered, tested = clean[:third], clean[third : 2 * third], clean[2 * third :]
    written = written_examples(ROOT / "training_data")
    own = [e for e in written if e.source == f"written:{kind}"]
    pairs = {e.group for e in own}
    base = known + spun_versions(known, thesaurus, 1, others) + stuffed_versions(known[::3], 1)
    base += [e for e in written if e.group not in pairs]
    weights, matrix, folds = fit.cross_fit(lexicon, base, 1, print)
    arrays, _ = fit.fit_heads(base, matrix, folds, print)
    manifest = {
        "name": f"without-{kind}", "version": "0", "feature_version": features.VERSION,
        "features": list(features.NAMES), "lexicon": lexicon.digest, "fpr_grid": list(fit.FPR_GRID),
    }  # fmt: skip
    save_model(folder, manifest, arrays | {"token_weights.npy": weights})
    detector = Detector(load_model(folder), lexicon, "balanced", POLICIES["balanced"])

    def rows(examples: list[Example]) -> np.ndarray:
        token_weights = detector.model.heads.token_weights
        return feature_matrix(lexicon.tables, token_weights, [e.text for e in examples])

    half = len(own) // 2
    return World(
        base, matrix, detector,
        offered[::2], spun_versions(offered[1::4], thesaurus, 2, others),
        spun_versions(offered[3::4], thesaurus, 2, (kind,)) + own[:half],
        rows(tested[::2]), rows(spun_versions(tested[1::2], thesaurus, 3, (kind,)) + own[half:]),
    )  # fmt: skip


def draw_pool(world: World, rng: random.Random) -> list[Example]:
    """POOL texts in a random order: 9 in 10 honest, 1 in 20 of the kind."""
    parts = ((world.pool_clean, 0.9), (world.pool_other, 0.05), (world.pool_kind, 0.05))
    size = min(POOL, *(int(len(part) / share) for part, share in parts))
    pool = [e for part, share in parts for e in rng.sample(part, int(size * share))]
    rng.shuffle(pool)
    return pool


def found_at_one_percent(world: World, labelled: list[Example]) -> float:
    """Refit the spun head with the labelled texts, and test it."""
    labels = fit.labels_of(world.base, "spun")
    weights, known = fit.source_balance(world.base), labels >= 0
    detector = world.detector
    more = feature_matrix(
        detector.lexicon.tables, detector.model.heads.token_weights, [e.text for e in labelled]
    )
    head = fit.fit_head(
        np.concatenate([world.matrix[known], more]),
        np.r_[labels[known], [int(e.spun or 0) for e in labelled]].astype(np.int64),
        np.r_[weights[known], np.full(len(labelled), LABEL_WEIGHT)],
        "spun",
    )
    limit = np.quantile(head.raw(world.test_honest), 0.99)
    return float((head.raw(world.test_kind) > limit).mean())


def curve(world: World) -> dict[str, list[list[float]]]:
    """For each way of picking, by number of labels, the results of REPEATS pools; "kind" counts how many of the
    labelled texts are of the kind."""
    results: dict[str, list[list[float]]] = {
        name: [[] for _ in COUNTS]
        for name in ("suggest", "random", "suggest: of the kind", "random: of the kind")
    }
    of_kind = {text_key(e.text) for e in world.pool_kind}
    for repeat in range(REPEATS):
        rng = random.Random(repeat)
        pool = draw_pool(world, rng)
        by_key = {text_key(e.text): e for e in pool}
        documents = [Document(e.text) for e in pool]
        for i, count in enumerate(COUNTS):
            chosen = suggest(world.detector, documents, count, seed=repeat) if count else []
            picks = {
                "suggest": [by_key[text_key(s.document.text)] for s in chosen],
                "random": rng.sample(pool, count),
            }
            for name, labelled in picks.items():
                results[name][i].append(found_at_one_percent(world, labelled))
                hits = sum(text_key(e.text) in of_kind for e in labelled)
                results[f"{name}: of the kind"][i].append(hits)
    return results


def rows(kind: str, results: dict[str, list[list[float]]]) -> list[str]:
    """The results of a kind as rows of a Markdown table."""
    lines = []
    for i, count in enumerate(COUNTS):
        cells = [f"{statistics.mean(results[name][i]):.2f}" for name in ("suggest", "random")]
        hits = [
            f"{statistics.mean(results[f'{name}: of the kind'][i]):.1f}" for name in ("suggest", "random")
        ]
        spread = " / ".join(f"{statistics.pstdev(results[name][i]):.2f}" for name in ("suggest", "random"))
        lines.append(f"| {kind} | {count} | {' | '.join(cells)} | {spread} | {' / '.join(hits)} |")
    return lines


def draw(curves: dict[str, dict[str, list[list[float]]]]) -> None:
    """One panel a kind, mean and range over the pools. Needs the extra `plots`."""
    try:
        import matplotlib
    except ModuleNotFoundError:
        print('no plot: pip install "spun-text-detector[plots]"')
        return
    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(
        1, len(curves), figsize=(5 * len(curves), 4), layout="constrained", sharey=True, squeeze=False
    )
    for panel, (kind, results) in zip(panels[0], curves.items(), strict=True):
        for name, colour in (("suggest", "#c2410c"), ("random", "#64748b")):
            values = np.array(results[name])
            panel.plot(COUNTS, values.mean(axis=1), marker="o", color=colour, label=name)
            panel.fill_between(COUNTS, values.min(axis=1), values.max(axis=1), color=colour, alpha=0.15)
        panel.set(title=f"kind {kind}, absent from the base", xlabel="labels", ylim=(0, 1))
        panel.spines[["top", "right"]].set_visible(False)
    panels[0][0].set(ylabel="found at 1 % false positives")
    panels[0][0].legend(frameon=False)
    figure.savefig(ROOT / "docs" / "images" / "active.png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kind", action="append", choices=KINDS, required=True)
    parser.add_argument("--per-source", type=int, default=150, help="clean texts of each source")
    arguments = parser.parse_args()
    curves = {}
    for kind in arguments.kind:
        with tempfile.TemporaryDirectory() as folder:
            curves[kind] = curve(build(kind, arguments.per_source, Path(folder) / "model"))
    print(
        "| kind left out | labels | found at 1 %: suggest | random | standard deviation | of the kind among the labels |"
    )
    print("|---|---|---|---|---|---|")
    for kind, results in curves.items():
        print("\n".join(rows(kind, results)))
    draw(curves)


if __name__ == "__main__":
    main()
