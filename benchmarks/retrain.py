"""What training on labels is worth, and what the gate stops. Writes its figures into `docs/retraining.md`.

    python benchmarks/retrain.py                     # everything: about an hour on two idle cores
    python benchmarks/retrain.py flipped poison      # some of: kinds, wave, real, flipped, poison, time, kill

Data: `../shared/data` (see docs/data_card.md). `kinds` and `wave` build a base without each kind of spinning
first (some five minutes each, kept in build/retrain).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from pages import write
from scipy.stats import binomtest

from detector.labels import Label, LabelStore
from detector.model import HEAD_SHARES, Model, load_model, save_model
from detector.paths import LEXICON
from detector.promotion import in_use
from detector.registry import Registry
from detector.scoring import load
from detector.signals.replaced import pack_weights
from detector.spinner.profiles import draw_profile
from detector.spinner.spin import Spinner
from detector.spinner.tables import Thesaurus
from detector.training import fit as full
from detector.training.base import encode_base, save_base, token_information
from detector.training.continued import Options, Start, train_on_labels
from detector.training.examples import Example, clean_prose, passage, read_jsonl_xz, written_examples
from detector.training.gate import Comparison, Row, compare, objections, promote
from detector.training.label_check import Placed, check
from detector.training.labelled import frozen_copies
from detector.training.matrix import feature_matrix
from detector.training.token_stage import TokenData, collect_tokens, fit_tokens, folds_of
from detector.training.trees import split_trees

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data"
BUILT = ROOT / "build" / "retrain"
PAGE = ROOT / "docs" / "retraining.md"
DRAWS = (1, 2, 3)
"""Seeds by which the labelled pages are drawn. The method was chosen with seed 0, on kinds E and F and on real texts."""
FEWEST = 100
"""Documents of a source from which a fall of 0.01 is more than one of them."""


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


# A base without a kind


@cache
def world() -> tuple[list[Example], TokenData, np.ndarray]:
    """All examples of the full training, their tokens and folds."""
    lexicon = full.load_lexicon(LEXICON)
    examples = full.assemble(DATA, ROOT / "training_data", lexicon, 1200, 1, say)
    return (
        examples,
        collect_tokens(lexicon.tables, examples),
        folds_of([e.block for e in examples], full.FOLDS, 1),
    )


def start_without(kind: str) -> Start:
    """The full training with every spun text of a kind left out, written or simulated."""
    folder = BUILT / kind
    if not folder.exists():
        say(f"building a base without kind {kind}")
        _build_without(kind, folder)
    return Start.open(folder)


def _build_without(kind: str, folder: Path) -> None:
    lexicon = full.load_lexicon(LEXICON)
    everything, tokens, all_folds = world()
    kept = np.array([not (e.spun == 1 and kind in e.kinds) for e in everything])
    examples = [e for e, keep in zip(everything, kept, strict=True) if keep]
    folds, token_kept, token_folds = all_folds[kept], kept[tokens.document], all_folds[tokens.document]
    matrix = np.zeros((len(examples), full.features.WIDTH), np.float32)
    for fold in range(full.FOLDS):
        weights = fit_tokens(tokens, np.flatnonzero(token_kept & (token_folds != fold)), 1)
        rows = np.flatnonzero(folds == fold)
        matrix[rows] = feature_matrix(lexicon.tables, pack_weights(weights), [examples[i].text for i in rows])
    weights = fit_tokens(tokens, np.flatnonzero(token_kept), 1).astype(np.float16)
    arrays, _, odds = full.fit_heads(examples, matrix, folds, say)
    information = token_information(lexicon.tables, examples, weights.astype(np.float32))
    base = encode_base(examples, matrix, full.source_balance(examples), folds, odds, information)
    manifest = {
        "name": f"without-{kind}", "version": full.__version__, "feature_version": full.features.VERSION,
        "features": list(full.features.NAMES), "lexicon": lexicon.digest, "fpr_grid": list(full.FPR_GRID),
        "base": hashlib.sha256(base).hexdigest(),
    }  # fmt: skip
    save_base(folder, base)
    save_model(folder, manifest, arrays | {"token_weights.npy": weights})


# 40 labels of a kind that is absent from training


def learn(start: Start, labels: Sequence[Label]) -> Model:
    with tempfile.TemporaryDirectory() as folder:
        return train_on_labels(labels, Registry(folder), Options(), start).load()


def scores(start: Start, model: Model, texts: Sequence[str]) -> np.ndarray:
    """Calibrated log-odds of spun."""
    matrix = feature_matrix(start.lexicon.tables, model.heads.token_weights, texts)
    return split_trees(model.arrays)[0].raw(matrix)


def at_one_percent(model: Model) -> float:
    """The calibrated log-odds that the spun head gives to 1 % of the base's honest documents, each judged by a fit
    without it."""
    threshold, _ = model.thresholds(0.01 / HEAD_SHARES[0])
    return float(np.log(threshold / (1 - threshold)))


def found(start: Start, model: Model, texts: Sequence[str], honest: Sequence[str]) -> tuple[float, float]:
    """Shares of spun `texts` found when 1 % of honest ones are flagged: of those of the base, and of the `honest`
    texts, which no training reads."""
    odds = scores(start, model, texts)
    limits = at_one_percent(model), np.quantile(scores(start, model, honest), 0.99)
    return float((odds > limits[0]).mean()), float((odds > limits[1]).mean())


def other_sources(start: Start, model: Model) -> list[Row]:
    """How much of the spam of the whole base is found, all of it and by source, at 1 % of honest documents flagged
    by both heads together. No spam of the base is learned from; its features and odds are out of fold."""
    everything = replace(start, base=replace(start.base, holdout=np.ones(len(start.base.labels), bool)))
    rows = compare(start.model, model, [], everything).frozen
    return [row for row in rows if row.kind == "found" and row.count >= FEWEST]


Draw = tuple[list[Label], list[str]]
"""Labels, and other spun texts of their kind."""


def _row(name: str, start: Start, draws: Iterator[Draw]) -> str:
    before, after, flagged, lows, falls, refused = [], [], [], [], [], 0
    for labels, rest in draws:
        model = learn(start, labels)
        given = {label.text for label in labels}
        honest = [text for text in unseen()[1] if text not in given]
        before.append(found(start, start.model, rest, honest))
        after.append(found(start, model, rest, honest))
        flagged.append([(scores(start, m, honest) > at_one_percent(m)).mean() for m in (start.model, model)])
        rows = other_sources(start, model)
        lows.append(rows[0].difference)
        falls += sorted((row.difference, row.count, row.name) for row in rows[1:])[:1]
        reasons = objections(compare(start.model, model, labels, start), model.manifest["training"])
        refused += bool(reasons)
        say(
            f"{name}: {before[-1]} -> {after[-1]}, {rows[0].difference:+.4f}, {falls[-1]}, {_verdict(reasons)}"
        )
    (a, a_texts), (b, b_texts) = np.mean(before, axis=0), np.mean(after, axis=0)
    rises = np.array(after)[:, 0] - np.array(before)[:, 0]
    clean, now = np.mean(flagged, axis=0)
    least, count, source = min(falls)
    line = (
        f"| {name} | {a:.2f} -> {b:.2f} | **{b - a:+.2f}** ({rises.min():+.2f} to {rises.max():+.2f}) | "
        f"{a_texts:.2f} -> {b_texts:.2f} | {b_texts - a_texts:+.2f} | {clean:.3f} -> {now:.3f} | {np.mean(lows):+.3f} | "
        f"{least:+.3f} ({source}, {count}) | {refused} of {len(after)} |"
    )
    say(line)
    return line


HEAD = (
    "| 40 labels | found | rise (draws) | at 1 % of unseen honest texts | rise | of these flagged | other spam, all | "
    "the source that falls most (documents) | refused |\n|---|---|---|---|---|---|---|---|---|"
)
MIXES = (40, 20)
"""Spun pages among 40 labels; the others are honest ones of the same place."""
WRITTEN, ABSENT = "EFA", "EFG"
"""Kinds that are left out: of written pairs (there are too few of kind G), of simulated tools. Bases without the others
find them nearly as well as the shipped model does."""


def mixed(spun: Sequence[Label], honest: Sequence[Label], count: int) -> list[Label]:
    """40 labels, `count` of them spun, by two annotators and from two sources in turns."""
    chosen = [*spun[:count], *honest[: 40 - count]]
    return [
        replace(label, annotator=("anna", "ben")[i % 2], source=("shop", "forum")[i // 2 % 2])
        for i, label in enumerate(chosen)
    ]


def kinds() -> Iterator[str]:
    """Written pairs of one kind: spun pages, or half of them and their originals; the rest of the kind is tested.
    Pages that share most of their words with an original in the frozen hold-out can't be learned from: they are
    tested."""
    yield f"Kinds of written pairs, by a base that never saw the kind, {len(DRAWS)} draws.\n\n{HEAD}"
    written = written_examples(ROOT / "training_data")
    originals = {e.group: e for e in written if e.source == "written:original"}
    for kind in WRITTEN:
        pages = [e for e in written if e.source == f"written:{kind}"]

        copies = frozen_copies([e.text for e in pages], start_without(kind).base)

        def draws(
            count: int, marked: bool, pages: list[Example] = pages, copies: np.ndarray = copies
        ) -> Iterator[Draw]:
            for seed in DRAWS:
                order = random.Random(seed).sample(range(len(pages)), len(pages))
                drawn = [pages[i] for i in sorted(order, key=lambda i: copies[i])]
                spun = [
                    Label(e.text, 1, None, pair=e.group, spans=(e.spans or ()) if marked else ())
                    for e in drawn
                ]
                honest = [Label(originals[e.group].text, 0, None, pair=e.group) for e in drawn]
                yield mixed(spun, honest, count), [e.text for e in drawn[count:]]

        for count, marked in ((40, False), (40, True), (20, False)):
            with_what = "their words marked" if marked else f"{40 - count} of their originals"
            name = f"kind {kind}: {count} spun, {with_what}, tested on {len(pages) - count}"
            yield _row(name, start_without(kind), draws(count, marked))


def wave() -> Iterator[str]:
    """Pages of one simulated tool, of a kind that the base never saw."""
    yield f"One simulated tool of the kind, 40 of its pages, {len(DRAWS)} tools, tested on 100 others.\n\n{HEAD}"
    thesaurus = Thesaurus(full.load_lexicon(LEXICON))
    clean = clean_prose(DATA / "clean_heldout", 60, 2)
    clean = [e for e in clean if len(e.text.split()) >= 100]
    for kind in ABSENT:

        def draws(kind: str = kind) -> Iterator[Draw]:
            for seed in DRAWS:
                rng = random.Random(f"tool {kind} {seed}")
                spinner = Spinner(draw_profile(rng, (kind,)), thesaurus, seed)
                texts = [spinner.spin(e.text).text for e in rng.sample(clean, 140)]
                yield mixed([Label(t, 1, None) for t in texts], [], 40), texts[40:]

        yield _row(f"one tool of kind {kind}", start_without(kind), draws())


def real() -> Iterator[str]:
    """Real texts that no training reads: a tool that sold spun text, and attacks on reviews by synonyms."""
    yield f"Real texts of a kind, and honest ones of the same place, {len(DRAWS)} draws.\n\n{HEAD}"
    attacks = list(read_jsonl_xz(DATA / "labelled" / "synonym_attack_pairs.jsonl.xz"))
    attacks = [r for r in attacks if len(r["text"].split()) >= 80]
    heavy = [r["text"] for r in attacks if int(r["label"]) == 1 and float(r.get("frac_changed") or 0) >= 0.1]
    reviews = [r["text"] for r in attacks if int(r["label"]) == 0]
    places = {
        "SpinBot": (real_texts("spinbot_real"), real_texts("pubmed_human")),
        "reviews attacked by synonyms": (heavy, reviews),
    }
    for name, (texts, clean) in places.items():

        def draws(count: int, texts: list[str] = texts, clean: list[str] = clean) -> Iterator[Draw]:
            for seed in DRAWS:
                drawn = random.Random(seed).sample(texts, min(len(texts), 340))
                spun = [Label(text, 1, None) for text in drawn]
                honest = [Label(text, 0, None) for text in random.Random(seed).sample(clean, 40)]
                yield mixed(spun, honest, count), drawn[40:]

        for count in MIXES:
            yield _row(f"{name}: {count} spun, {40 - count} honest", Start.open(), draws(count))


# Wrong and hostile labels


def real_texts(name: str) -> list[str]:
    """Passages of a labelled set that no training reads, the marks of the science sets stripped."""
    rng = random.Random(0)
    found = [re.sub(r"@x\w+", "", r["text"]) for r in read_jsonl_xz(DATA / "labelled" / f"{name}.jsonl.xz")]
    return [passage(t, rng, 60, 400) for t in found if len(t.split()) >= 80]


@cache
def unseen() -> tuple[list[str], list[str]]:
    """(spun, honest) real texts that no training reads."""
    rng = random.Random(0)
    spun = real_texts("spinbot_real")
    honest = [text for name in ("pubmed_human", "clean_ewt", "clean_gum") for text in real_texts(name)]
    return rng.sample(spun, min(len(spun), 400)), rng.sample(honest, 600)


def labels_of(count: int, seed: int) -> list[Label]:
    """Right labels by two annotators from two sources, half of them spun."""
    rng = random.Random(seed)
    spun, honest = unseen()
    texts = [(t, 1) for t in rng.sample(spun, count // 2)] + [(t, 0) for t in rng.sample(honest, count // 2)]
    rng.shuffle(texts)
    return [
        Label(text, answer, None, ("shop", "forum")[i % 2], ("anna", "ben")[i // 2 % 2])
        for i, (text, answer) in enumerate(texts)
    ]


def gate(labels: list[Label]) -> tuple[Model, list[str], Comparison]:
    start = Start.open()
    with tempfile.TemporaryDirectory() as folder:
        model = train_on_labels(labels, Registry(folder), Options(), start).load()
    comparison = compare(start.model, model, labels, start)
    return model, objections(comparison, model.manifest["training"]), comparison


def flipped() -> Iterator[str]:
    """A share of the labels turned round: does `labels check` name them, and does the gate stop the model? Labels
    that are all right must pass."""
    yield (
        "| labels | turned round | named, of those | named, of the right ones | unseen spun texts found | "
        "unseen honest ones flagged | gate |\n|---|---|---|---|---|---|---|"
    )
    plans = [(200, 0.2, seed) for seed in range(3)] + [(200, 0.0, seed) for seed in range(3)]
    plans += [(100, 0.2, 0), (100, 0.0, 0)]
    for count, share, seed in plans:
        labels = labels_of(count, seed)
        turned = set(random.Random(seed).sample(range(count), int(share * count)))
        given = [
            replace(label, spun=1 - (label.spun or 0)) if i in turned else label
            for i, label in enumerate(labels)
        ]
        report = check([Placed(str(i), label) for i, label in enumerate(given)])
        named = {int(finding.place) for finding in report.findings if finding.problem == "mistake"}
        model, reasons, _ = gate(given)
        line = (
            f"| {count} | {share:.0%} | {len(named & turned)} of {len(turned)} | "
            f"{len(named - turned)} of {count - len(turned)} | {_judged(model, given)} | {_verdict(reasons)} |"
        )
        say(line)
        yield line


def _judged(model: Model, labels: Sequence[Label]) -> str:
    """Two cells: what becomes of the texts of `unseen` that are not labelled, under each model's own threshold,
    before -> after, and how many were lost and won (or flagged and cleared)."""
    start, given = Start.open(), {label.text for label in labels}
    cells = []
    for texts in unseen():
        rest = [text for text in texts if text not in given]
        over = [
            1 / (1 + np.exp(-scores(start, m, rest))) >= m.thresholds(0.01)[0] for m in (start.model, model)
        ]
        shares = " -> ".join(f"{flags.mean():.3f}" for flags in over)
        cells.append(f"{shares} (+{(~over[0] & over[1]).sum()} -{(over[0] & ~over[1]).sum()})")
    return " | ".join(cells)


def _verdict(reasons: list[str]) -> str:
    shown = [reason.split(", and nobody")[0].split(": too many")[0] for reason in reasons]
    return f"refused: {'; '.join(shown)}" if reasons else "passed"


def poison() -> Iterator[str]:
    """A tenth of the labels, by one annotator, call the pages of one spam kind clean."""
    yield (
        "| labels | of them poison | pages of that spam found, of 300: before | without the poison | with it | "
        "won and lost by it | chance of that (McNemar) | gate |\n|---|---|---|---|---|---|---|---|"
    )
    start, thesaurus = Start.open(), Thesaurus(full.load_lexicon(LEXICON))
    for kind, count in (("B", 200), ("D", 200), ("B", 400), ("A", 200), ("F", 200), ("G", 200)):
        rng = random.Random(f"poison {kind}")
        spinner = Spinner(draw_profile(rng, (kind,)), thesaurus, 1)
        pages = [spinner.spin(text).text for text in rng.sample(unseen()[1], count // 10 + 300)]
        bad, rest = pages[: count // 10], pages[count // 10 :]
        labels = labels_of(count - count // 10, 5)
        poisoned = [Label(t, 0, 0, ("shop", "forum")[i % 2], "mallory") for i, t in enumerate(bad)]
        right, _, _ = gate(labels)
        wrong, reasons, _ = gate(labels + poisoned)
        over = [scores(start, m, rest) > at_one_percent(m) for m in (start.model, right, wrong)]
        won, lost = int((over[2] & ~over[1]).sum()), int((over[1] & ~over[2]).sum())
        chance = binomtest(lost, won + lost).pvalue if won + lost else 1.0
        cells = " | ".join(f"{found.mean():.2f}" for found in over)
        line = f"| {count} | {count // 10}, kind {kind} | {cells} | +{won} -{lost} | {chance:.2f} | {_verdict(reasons)} |"
        say(line)
        yield line


# Time and sudden death


def duration() -> Iterator[str]:
    """200 labels to a promoted model."""
    labels = labels_of(200, 3)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DETECTOR_HOME"] = folder
        wall, cpu = time.perf_counter(), time.process_time()
        LabelStore().add_all(labels)
        train_on_labels(labels)
        _, _, reasons = promote(Registry(), "latest", labels)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        del os.environ["DETECTOR_HOME"]
    yield f"200 labels to a promoted model: {cpu:.0f} s of one core, {wall:.0f} s by the clock; {_verdict(reasons)}."


def kill() -> Iterator[str]:
    """kill -9 at random moments: the old or the new model loads, and no label that was acknowledged is lost."""
    rng = random.Random(7)
    yield "| killed while | kills | a model loads after each | labels lost |\n|---|---|---|---|"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DETECTOR_HOME"] = folder
        store, registry = LabelStore(), Registry()
        store.add_all(labels_of(40, 4))
        train_on_labels(store.labels())
        train_on_labels(store.labels()[:30])
        for name, command in _VICTIMS.items():
            whole = _until(command)
            loaded = lost = 0
            for _ in range(20):
                before = [stored.row for stored in store.history()]
                process = subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE, text=True)
                time.sleep(rng.uniform(0.0, whole))
                process.send_signal(signal.SIGKILL)
                told = [int(line) for line in process.communicate()[0].split() if line.isdigit()]
                rows = {stored.row for stored in store.history()}
                lost += len((set(before) | set(told)) - rows)
                loaded += load().model.digest == load_model(in_use().path).digest
                for version in registry.versions():
                    version.load()
            line = f"| {name} | 20 | {loaded} of 20 | {lost} |"
            say(line)
            yield line
        del os.environ["DETECTOR_HOME"]


_VICTIMS = {
    "labelling": (
        "from detector.labels import Label, LabelStore\nstore = LabelStore()\n"
        "for i in range(2000): print(store.add(Label(f'text {i}', 1, annotator='anna')), flush=True)"
    ),
    "promotion": (
        "from detector.registry import Registry\nregistry = Registry()\n"
        "for i in range(100): registry.promote('1' if registry.current_name() != '0001' else '2')"
    ),
    "training": (
        "from detector.labels import LabelStore\nfrom detector.training.continued import train_on_labels\n"
        "train_on_labels(LabelStore().labels()[:40])"
    ),
}


def _until(command: str) -> float:
    """Seconds that a command takes, at most 60."""
    started = time.monotonic()
    with suppress(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-c", command], stdout=subprocess.DEVNULL, timeout=60, check=True)
    return time.monotonic() - started


EXPERIMENTS: dict[str, Callable[[], Iterator[str]]] = {
    "kinds": kinds, "wave": wave, "real": real, "flipped": flipped, "poison": poison, "time": duration, "kill": kill,
}  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help=", ".join(EXPERIMENTS))
    chosen = parser.parse_args().experiments or list(EXPERIMENTS)
    for experiment in chosen:
        if experiment not in EXPERIMENTS:
            parser.error(f"no experiment {experiment!r}; there are {', '.join(EXPERIMENTS)}")
    for experiment in chosen:
        write(PAGE, experiment, "\n".join(EXPERIMENTS[experiment]()))
        print((PAGE).read_text().partition(f"<!-- {experiment} -->")[2].partition("<!-- /")[0])
