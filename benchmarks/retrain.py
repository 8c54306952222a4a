"""What training on labels is worth, and what the gate stops. Writes its figures into `docs/retraining.md`.

    python benchmarks/retrain.py                     # everything: about an hour on two idle cores
    python benchmarks/retrain.py flipped poison      # some of: kinds, wave, real, flipped, poison, time, kill

Data: `../shared/data` (see docs/data_card.md). `kinds` and `wave` build a base without each kind of spinning
first (three minutes each, kept in build/retrain).
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

from detector.labels import Label, LabelStore
from detector.model import Model, load_model, save_model
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
from detector.training.examples import Example, passage, read_jsonl_xz, written_examples
from detector.training.gate import Comparison, compare, frozen_threshold, objections, promote
from detector.training.label_check import Placed, check
from detector.training.matrix import feature_matrix
from detector.training.token_stage import TokenData, collect_tokens, fit_tokens, folds_of
from detector.training.trees import split_trees

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data"
BUILT = ROOT / "build" / "retrain"
PAGE = ROOT / "docs" / "retraining.md"
DRAWS = 3
"""How often the labelled pages are drawn."""
FEWEST = 30
"""Documents of a row of the frozen hold-out that is watched for harm."""


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
    kept = np.array([not (e.spun == 1 and e.kind == kind) for e in everything])
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


def learn(start: Start, labels: Sequence[Label]) -> tuple[Model, Comparison]:
    """The model from these labels, and what the gate sees."""
    with tempfile.TemporaryDirectory() as folder:
        model = train_on_labels(labels, Registry(folder), Options(), start).load()
    return model, compare(start.model, model, [], start)


def found(start: Start, model: Model, texts: Sequence[str]) -> float:
    """Share of texts whose spun score lies above the threshold at 1 % of the frozen honest documents."""
    trees = split_trees(model.arrays)[0]
    matrix = feature_matrix(start.lexicon.tables, model.heads.token_weights, texts)
    return float((trees.raw(matrix) > frozen_threshold(model, start)).mean())


def harmed(comparison: Comparison) -> list[str]:
    """Rows of the frozen hold-out in which spam is found less often by more than 0.01."""
    return [
        f"{row.name} {row.difference:+.3f} of {row.count}"
        for row in comparison.frozen
        if row.kind == "found" and row.count >= FEWEST and row.difference < -0.01
    ]


def _row(name: str, start: Start, draws: Iterator[tuple[list[Label], list[str]]]) -> str:
    before, after, harm, refused = [], [], [], 0
    for labels, rest in draws:
        model, comparison = learn(start, labels)
        before.append(found(start, start.model, rest))
        after.append(found(start, model, rest))
        harm += harmed(comparison)
        refused += bool(objections(comparison, {}))
    rise = np.mean(after) - np.mean(before)
    line = (
        f"| {name} | {np.mean(before):.2f} | {np.mean(after):.2f} | {rise:+.2f} | "
        f"{'; '.join(harm) or 'none'} | {refused} of {len(after)} |"
    )
    say(line)
    return line


HEAD = (
    "| 40 labels of | found before | after | rise | rows that fall by more than 0.01 | refused |\n"
    "|---|---|---|---|---|---|"
)


def kinds() -> Iterator[str]:
    """Written pairs of one kind: 20 spun pages and their 20 originals; the rest of the kind is tested."""
    yield f"Kinds of written pairs, 20 spun pages and their originals, {DRAWS} draws.\n\n{HEAD}"
    written = written_examples(ROOT / "training_data")
    originals = {e.group: e for e in written if e.source == "written:original"}
    for kind in "ABCDEFG":
        pages = [e for e in written if e.source == f"written:{kind}"]

        def draws(pages: list[Example] = pages) -> Iterator[tuple[list[Label], list[str]]]:
            for seed in range(DRAWS):
                drawn = random.Random(seed).sample(pages, len(pages))
                labels = [
                    Label(e.text, e.spun, None, "wave", ("anna", "ben")[i % 2], pair=page.group)
                    for i, page in enumerate(drawn[:20])
                    for e in (page, originals[page.group])
                ]
                yield labels, [e.text for e in drawn[20:]]

        yield _row(f"written kind {kind}", start_without(kind), draws())


def wave() -> Iterator[str]:
    """Pages of one simulated tool, of a kind that the base never saw."""
    yield f"One simulated tool of the kind, 40 of its pages, {DRAWS} tools.\n\n{HEAD}"
    thesaurus = Thesaurus(full.load_lexicon(LEXICON))
    clean = [e for e in world()[0] if e.spun == 0 and e.group.startswith("clean:")]
    clean = [e for e in clean if len(e.text.split()) >= 100]
    for kind in "ABCDEFG":

        def draws(kind: str = kind) -> Iterator[tuple[list[Label], list[str]]]:
            for seed in range(DRAWS):
                rng = random.Random(f"tool {kind} {seed}")
                spinner = Spinner(draw_profile(rng, (kind,)), thesaurus, seed)
                texts = [spinner.spin(e.text).text for e in rng.sample(clean, 140)]
                labels = [Label(t, 1, None, "wave", ("anna", "ben")[i % 2]) for i, t in enumerate(texts[:40])]
                yield labels, texts[40:]

        yield _row(f"one tool of kind {kind}", start_without(kind), draws())


def real() -> Iterator[str]:
    """Real texts that no training reads: a tool that sold spun text, and attacks on reviews by synonyms."""
    yield f"Real texts, 20 of them and 20 honest ones of the same place, {DRAWS} draws.\n\n{HEAD}"
    attacks = list(read_jsonl_xz(DATA / "labelled" / "synonym_attack_pairs.jsonl.xz"))
    attacks = [r for r in attacks if len(r["text"].split()) >= 80]
    heavy = [r["text"] for r in attacks if int(r["label"]) == 1 and float(r.get("frac_changed") or 0) >= 0.1]
    reviews = [r["text"] for r in attacks if int(r["label"]) == 0]
    spinbot, pubmed = real_texts("spinbot_real"), real_texts("pubmed_human")
    for name, spun, honest in (
        ("SpinBot", spinbot, pubmed),
        ("reviews attacked by synonyms", heavy, reviews),
    ):

        def draws(
            spun: list[str] = spun, honest: list[str] = honest
        ) -> Iterator[tuple[list[Label], list[str]]]:
            for seed in range(DRAWS):
                drawn = random.Random(seed).sample(spun, min(len(spun), 420))
                clean = random.Random(seed).sample(honest, 20)
                labels = [
                    Label(text, answer, None, "wave", ("anna", "ben")[i % 2])
                    for answer, texts in ((1, drawn[:20]), (0, clean))
                    for i, text in enumerate(texts)
                ]
                yield labels, drawn[20:]

        yield _row(name, Start.open(), draws())


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
    """A share of the labels turned round: does `labels check` name them, and does the gate stop the model?"""
    yield (
        "| labels | turned round | named, of those | named, of the right ones | "
        "found on the frozen hold-out | gate |\n|---|---|---|---|---|---|"
    )
    for count, share, seed in ((200, 0.0, 0), (200, 0.2, 0), (200, 0.2, 1), (200, 0.2, 2), (200, 0.5, 0)):
        labels = labels_of(count, seed)
        turned = set(random.Random(seed).sample(range(count), int(share * count)))
        given = [replace(l, spun=1 - l.spun) if i in turned else l for i, l in enumerate(labels)]  # noqa: E741
        report = check([Placed(str(i), label) for i, label in enumerate(given)])
        named = {int(finding.place) for finding in report.findings if finding.problem == "mistake"}
        _, reasons, comparison = gate(given)
        row = comparison.frozen[0]
        right = f"{len(named - turned)} of {count - len(turned)}"
        line = (
            f"| {count} | {share:.0%} | {len(named & turned)} of {len(turned)} | {right} | "
            f"{row.right_a:.3f} -> {row.right_b:.3f} | {_verdict(reasons)} |"
        )
        say(line)
        yield line


def _verdict(reasons: list[str]) -> str:
    return f"refused: {'; '.join(reasons)}" if reasons else "passed"


def poison() -> Iterator[str]:
    """A tenth of the labels, by one annotator, call the pages of one spam kind clean."""
    yield "| labels | of them poison | gate |\n|---|---|---|"
    thesaurus = Thesaurus(full.load_lexicon(LEXICON))
    for kind, count in (("B", 200), ("D", 200), ("B", 400)):
        rng = random.Random(f"poison {kind}")
        spinner = Spinner(draw_profile(rng, (kind,)), thesaurus, 1)
        bad = [spinner.spin(text).text for text in rng.sample(unseen()[1], count // 10)]
        labels = labels_of(count - count // 10, 5)
        labels += [Label(t, 0, 0, ("shop", "forum")[i % 2], "mallory") for i, t in enumerate(bad)]
        _, reasons, _ = gate(labels)
        line = f"| {count} | {count // 10}, kind {kind} | {_verdict(reasons)} |"
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
        train_on_labels([stored.label for stored in store.standing()])
        train_on_labels([stored.label for stored in store.standing()][:30])
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
        "train_on_labels([stored.label for stored in LabelStore().standing()][:40])"
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


def write(name: str, lines: list[str]) -> None:
    """Put an experiment's figures between its marks in the page."""
    page = PAGE.read_text(encoding="utf-8")
    first, last = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, _, rest = page.partition(first)
    _, _, after = rest.partition(last)
    PAGE.write_text(before + first + "\n".join(lines) + "\n" + last + after, encoding="utf-8")


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
        write(experiment, list(EXPERIMENTS[experiment]()))
        print((PAGE).read_text().partition(f"<!-- {experiment} -->")[2].partition("<!-- /")[0])
