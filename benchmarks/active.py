"""Labels needed to learn a kind of spinning that training never saw: `detector suggest` against random picking.

    python benchmarks/active.py --kind E --kind F    # a quarter of an hour a kind

The base is the full training without the kind (`benchmarks/retrain.py` builds it, once). A pool like a crawl (9 in 10
pages honest, 1 in 20 of the new kind, 1 in 20 of others), of texts that no training reads, offers its pages; `suggest`
or chance picks some, they get their true labels, and `train_on_labels` makes a model of them. Counted: the share of
the new kind found in other texts when 1 % of honest ones are flagged. Prints Markdown, draws docs/images/active.png.
Data: `../shared/data` (docs/data_card.md).
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from retrain import real_texts, scores, start_without

from detector import Detector, Document
from detector.labels import Label
from detector.model import POLICIES, Model
from detector.registry import Registry
from detector.spinner.profiles import KINDS
from detector.spinner.tables import Thesaurus
from detector.training.continued import Options, Start, train_on_labels
from detector.training.examples import Example, spun_versions
from detector.training.suggest import suggest, text_key

ROOT = Path(__file__).parent.parent
COUNTS = (10, 20, 40, 80, 160)
POOL = 1500
HONEST = ("pubmed_human", "clean_ewt", "clean_gum", "clean_esl_and_native_essays", "clean_books_19c")


@dataclass
class World:
    """A base that knows nothing of the kind, and texts of the kind among others to pick from."""

    start: Start
    detector: Detector
    pool_clean: list[Example]
    pool_other: list[Example]
    pool_kind: list[Example]
    test_honest: list[str]
    test_kind: list[str]


def build(kind: str) -> World:
    """Half of the honest texts is for the pool, half for the test; a third of each is spun."""
    start = start_without(kind)
    thesaurus = Thesaurus(start.lexicon)
    others = tuple(k for k in KINDS if k != kind)
    clean = [
        Example(text, name, f"clean:{name}:{i}", 0, 0)
        for name in HONEST
        for i, text in enumerate(real_texts(name))
    ]
    random.Random(0).shuffle(clean)
    offered, tested = clean[::2], clean[1::2]
    third = len(offered) // 3
    return World(
        start,
        Detector(start.model, start.lexicon, "balanced", POLICIES["balanced"]),
        offered[third:],
        spun_versions(offered[: third // 2], thesaurus, 2, others),
        spun_versions(offered[third // 2 : third], thesaurus, 2, (kind,)),
        [e.text for e in tested[third:]],
        [e.text for e in spun_versions(tested[:third], thesaurus, 3, (kind,))],
    )


def draw_pool(world: World, rng: random.Random) -> list[Example]:
    """POOL texts in a random order, or as many as there are: 9 in 10 honest, 1 in 20 of the kind."""
    parts = ((world.pool_clean, 0.9), (world.pool_other, 0.05), (world.pool_kind, 0.05))
    size = min(POOL, *(int(len(part) / share) for part, share in parts))
    pool = [e for part, share in parts for e in rng.sample(part, int(size * share))]
    rng.shuffle(pool)
    return pool


def found(world: World, model: Model) -> float:
    """Share of the kind found when 1 % of the honest test texts are flagged."""
    limit = np.quantile(scores(world.start, model, world.test_honest), 0.99)
    return float((scores(world.start, model, world.test_kind) > limit).mean())


def learn(world: World, labelled: list[Example]) -> Model:
    labels = [Label(e.text, e.spun, annotator=("anna", "ben")[i % 2]) for i, e in enumerate(labelled)]
    with tempfile.TemporaryDirectory() as folder:
        return train_on_labels(labels, Registry(folder), Options(), world.start).load()


def curve(world: World, repeats: int) -> dict[str, list[list[float]]]:
    """For each way of picking, by number of labels, the results of `repeats` pools; "of the kind" counts how many
    of the labelled texts are."""
    results: dict[str, list[list[float]]] = {
        name: [[] for _ in (0, *COUNTS)]
        for name in ("suggest", "random", "suggest: of the kind", "random: of the kind")
    }
    of_kind = {text_key(e.text) for e in world.pool_kind}
    for name in results:
        results[name][0] = [found(world, world.start.model) if ":" not in name else 0.0]
    for repeat in range(repeats):
        rng = random.Random(repeat)
        pool = draw_pool(world, rng)
        by_key = {text_key(e.text): e for e in pool}
        documents = [Document(e.text) for e in pool]
        for i, count in enumerate(COUNTS, 1):
            picks = {
                "suggest": [
                    by_key[text_key(s.document.text)]
                    for s in suggest(world.detector, documents, count, seed=repeat)
                ],
                "random": rng.sample(pool, count),
            }
            for name, labelled in picks.items():
                results[name][i].append(found(world, learn(world, labelled)))
                hits = sum(text_key(e.text) in of_kind for e in labelled)
                results[f"{name}: of the kind"][i].append(hits)
                print(repeat, count, name, hits, results[name][i][-1], flush=True)
    return results


def rows(kind: str, results: dict[str, list[list[float]]]) -> list[str]:
    """The results of a kind as rows of a Markdown table."""
    lines = []
    for i, count in enumerate((0, *COUNTS)):
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
            ends = [[pick(values) for values in results[name]] for pick in (min, max)]
            means = [statistics.mean(values) for values in results[name]]
            panel.plot((0, *COUNTS), means, marker="o", color=colour, label=name)
            panel.fill_between((0, *COUNTS), *ends, color=colour, alpha=0.15)
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
    parser.add_argument("--repeats", type=int, default=5, help="pools")
    arguments = parser.parse_args()
    curves = {}
    for kind in arguments.kind:
        curves[kind] = curve(build(kind), arguments.repeats)
    print(
        "| kind left out | labels | found at 1 %: suggest | random | standard deviation | of the kind among the labels |"
    )
    print("|---|---|---|---|---|---|")
    for kind, results in curves.items():
        print("\n".join(rows(kind, results)))
    draw(curves)


if __name__ == "__main__":
    main()
