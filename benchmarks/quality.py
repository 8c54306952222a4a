"""Quality of the shipped model on data that it never saw, and of its recipe under cross-validation.

    python benchmarks/quality.py            # unseen sets, with the shipped model (about a minute)
    python benchmarks/quality.py --held-out # also refits: real passages by group, each kind, each tool left out
    python benchmarks/quality.py --undrawn  # only: prose of the training sources that no training step drew
    python benchmarks/paraphrase_corpus.py PATH  # the public Machine-Paraphrase Corpus, beside the paper's table

Writes `docs/quality.md` with `docs/images/quality.png`, and prints it; `--undrawn` only prints. Data: `../shared/data` (see docs/data_card.md); nothing listed as
unseen is read by `detector train`. Intervals are 95 % bootstrap intervals over documents.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.metrics import roc_auc_score, roc_curve

from detector import features, load
from detector.model import POLICIES
from detector.signals.replaced import pack_weights
from detector.spinner.spin import SENTENCE
from detector.training import fit
from detector.training.examples import (
    clean_prose,
    in_training,
    passage,
    read_jsonl_xz,
    stable_hash,
    whole_documents,
)
from detector.training.token_stage import collect_tokens, fit_tokens, folds_of

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data"
LABELLED = DATA / "labelled"
CLEAN_SETS = (
    "clean_gum", "clean_ewt", "clean_books_19c", "clean_esl_and_native_essays", "clean_scielo_human_and_mt",
    "machine_translated_science", "pubmed_human",
)  # fmt: skip
RATES = (0.001, 0.01, 0.05)
PLOT = "quality.png"
TOOLS = {
    "SpinBot": (r"(?i)spinbot", "A"),
    "single-word swapper": (r"single-word swapper|revel-in|0\.33|offevolved|adverb-type|thoughts type", "B"),
    "paraphraser": (r"(?i)paraphras|quillbot|wordai", "F"),
}
"""Tools of the real passages, as a reader judged them by style, and the kind of our own that is most like each."""
LEFT_OUT = """A kind left out: no text of that kind is in the training of any stage, nor of a simulated tool that had its table; the lexicon's
phrases and candidates stay whole. Some of the written honest texts quote spun text, about one in a hundred: at 1 % they alone decide.
"""
Curves = dict[str, tuple[np.ndarray, np.ndarray]]
"""Scores of positive and of negative texts, by the name of the set."""


def plain(text: str) -> str:
    """Strip the marks that the science sets carry (`@xmath`), on both sides."""
    return re.sub(r"@x\w+", "", text)


def runs(text: str, width: int = 9) -> set[int]:
    """Hashes of all runs of nine words, lower case: texts that share one have copied."""
    words = re.findall(r"[a-z']+", text.lower())
    return {stable_hash(" ".join(words[i : i + width])) for i in range(len(words) - width + 1)}


def unseen_in_training(texts: dict[str, str]) -> set[str]:
    """The keys of the texts that share no run of nine words with any text that training may draw from."""
    wanted = {run: key for key, text in texts.items() for run in runs(text)}
    seen = {
        wanted[run]
        for path in sorted((DATA / "clean_heldout").glob("*reviews.jsonl.xz"))
        for record in read_jsonl_xz(path)
        for run in runs(record["text"]) & wanted.keys()
    }
    return set(texts) - seen


def bootstrap(values: Iterator[float]) -> str:
    low, high = np.percentile(list(values), [2.5, 97.5])
    return f"{low:.3f}-{high:.3f}"


def separation(positive: np.ndarray, negative: np.ndarray, repeats: int = 200) -> str:
    """AUC and TPR at the rates of RATES, each with its interval, as cells of a table row."""
    generator = np.random.default_rng(0)

    def measures(p: np.ndarray, n: np.ndarray) -> list[float]:
        auc = roc_auc_score(np.r_[np.ones(len(p)), np.zeros(len(n))], np.r_[p, n])
        return [auc, *((p > np.quantile(n, 1 - rate)).mean() for rate in RATES)]

    drawn = [
        measures(generator.choice(positive, len(positive)), generator.choice(negative, len(negative)))
        for _ in range(repeats)
    ]
    cells = [
        f"{value:.3f} ({bootstrap(iter(column))})"
        for value, column in zip(measures(positive, negative), zip(*drawn, strict=True), strict=True)
    ]
    return " | ".join(cells)


def row(curves: Curves, name: str, positive: np.ndarray, negative: np.ndarray) -> str:
    """A row of a table; the scores are kept for the plot."""
    curves[name] = (positive, negative)
    return f"| {name} | {separation(positive, negative)} |"


def calibration_error(probability: np.ndarray, labels: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: mean |confidence - accuracy| over equal-width bins, weighted by size."""
    index = np.minimum((probability * bins).astype(int), bins - 1)
    return float(
        sum(
            (index == b).mean() * abs(probability[index == b].mean() - labels[index == b].mean())
            for b in range(bins)
            if (index == b).any()
        )
    )


class Unseen:
    """Scores of the shipped model on the sets that training does not read."""

    def __init__(self) -> None:
        self.detector = load()
        self.curves: Curves = {}
        self._rng = random.Random(0)

    def scores(self, texts: list[str]) -> np.ndarray:
        """float64[D, 2]: spun and stuffed, of the documents on which the detector does not abstain."""
        verdicts = self.detector.score_batch(texts, evidence=False, jobs=2)
        return np.array([(v.spun, v.stuffed) for v in verdicts if v.status == "scored"])

    def read(self, name: str, low: int = 60) -> list[dict[str, str]]:
        records = list(read_jsonl_xz(LABELLED / f"{name}.jsonl.xz"))
        for record in records:
            text = plain(record["text"])
            record["text"] = passage(text, self._rng, low, 450) if len(text.split()) > 450 else text
        return records

    def rows(self) -> Iterator[str]:
        spinbot, pubmed = (
            self.scores([plain(r["text"]) for r in read_jsonl_xz(LABELLED / f"{name}.jsonl.xz")])[:, 0]
            for name in ("spinbot_real", "pubmed_human")
        )
        yield row(self.curves, "SpinBot (real) against PubMed", spinbot, pubmed)
        yield row(self.curves, "synonym attacks, >= 10 % of words", *self.attacks())
        yield row(self.curves, "stuffed listings (other half trained on), lengths matched", *self.listings())
        labels = np.r_[np.ones(len(spinbot)), np.zeros(len(pubmed))]
        self.error = calibration_error(np.r_[spinbot, pubmed], labels)

    def attacks(self) -> tuple[np.ndarray, np.ndarray]:
        records = list(read_jsonl_xz(LABELLED / "synonym_attack_pairs.jsonl.xz"))
        clean = {r["pair_id"]: r["text"] for r in records if int(r["label"]) == 0}
        long = unseen_in_training({pair: text for pair, text in clean.items() if len(text.split()) >= 50})
        heavy = [r for r in records if r["pair_id"] in long and float(r.get("frac_changed") or 0) >= 0.1]
        originals = [clean[pair] for pair in dict.fromkeys(r["pair_id"] for r in heavy)]
        return self.scores([r["text"] for r in heavy])[:, 0], self.scores(originals)[:, 0]

    def listings(self) -> tuple[np.ndarray, np.ndarray]:
        """Equal numbers of stuffed and honest listings in each band of 20 words, from 50 words on."""
        bands: dict[int, tuple[list[str], list[str]]] = {}
        for record in read_jsonl_xz(LABELLED / "keyword_stuffed_listings.jsonl.xz"):
            words = len(record["text"].split())
            if words >= 50 and not in_training(record["id"]):
                bands.setdefault(words // 20, ([], []))[int(record["label"]) == 1].append(record["text"])
        matched = [(h[: len(s)], s[: len(h)]) for h, s in bands.values() if h and s]
        honest = [text for h, _ in matched for text in h]
        stuffed = [text for _, s in matched for text in s]
        return self.scores(stuffed)[:, 1], self.scores(honest)[:, 1]

    def clean_rows(self) -> Iterator[str]:
        """Share flagged under each policy, per clean source; the worst `balanced` figure in bold."""
        limits = [self.detector.model.thresholds(rate) for rate in POLICIES.values()]
        table = []
        for name in CLEAN_SETS:
            by_method: dict[str, list[str]] = {}
            for record in self.read(name):
                if len(record["text"].split()) >= 50:
                    by_method.setdefault(f"{name}: {record['method']}", []).append(record["text"])
            for method, texts in by_method.items():
                scores = self.scores(texts)
                table.append(
                    (method, len(texts), *((scores >= limit).any(axis=1).mean() for limit in limits))
                )
        worst = max(row[3] for row in table)
        for method, count, precise, balanced, sensitive in table:
            shown = f"**{balanced:.1%}**" if balanced == worst else f"{balanced:.1%}"
            yield f"| {method} | {count} | {precise:.1%} | {shown} | {sensitive:.1%} |"
        total = sum(row[1] for row in table)
        means = (sum(row[1] * row[i] for row in table) / total for i in (2, 3, 4))
        yield f"| all | {total} | " + " | ".join(f"{mean:.2%}" for mean in means) + " |"


class HeldOut:
    """The recipe under cross-validation: out-of-fold by group, then each kind of spinning left out."""

    def __init__(self) -> None:
        self.lexicon = fit.load_lexicon(fit.LEXICON)
        self.examples = fit.assemble(DATA, ROOT / "training_data", self.lexicon, 1200, 1, print)
        _, self.matrix, self.folds = fit.cross_fit(self.lexicon, self.examples, 1, print)
        self.weights = fit.source_balance(self.examples)
        self.curves: Curves = {}

    def out_of_fold(self, head: str) -> np.ndarray:
        return fit.out_of_fold(
            self.matrix, fit.labels_of(self.examples, head), self.weights, self.folds, head
        )

    def where(self, source: str) -> np.ndarray:
        return np.array([e.source.startswith(source) for e in self.examples])

    def rows(self) -> Iterator[str]:
        spun, stuffed = self.out_of_fold("spun"), self.out_of_fold("stuffed")
        human = self.where("real:human")
        honest = np.array(
            [e.spun == 0 and e.group.startswith(("honest", "pair", "real")) for e in self.examples]
        )
        real = self.where("real:spun")
        stuffed_real, stuffed_written = self.where("real:stuffed"), self.where("written:stuffed")
        yield row(self.curves, "real passages, spun against human", spun[real], spun[human])
        yield row(
            self.curves, "real passages, spun against all written honest text", spun[real], spun[honest]
        )
        quoting = self.where("written:quotes-spun")
        yield row(
            self.curves,
            "the same without articles that quote spun text",
            spun[real],
            spun[honest & ~quoting],
        )
        yield row(self.curves, "real passages, stuffed against human", stuffed[stuffed_real], stuffed[human])
        yield row(
            self.curves,
            "written stuffed pages against written honest ones",
            stuffed[stuffed_written],
            stuffed[honest],
        )
        for kind in "ABCDEFG":
            yield self.without_kind(kind)
        for tool in TOOLS:
            yield from self.without_tool(tool)

    def of_kind(self, kind: str) -> np.ndarray:
        """bool[D]: spun texts of a kind, and of any simulated tool that had its table; padded pages too."""
        return np.array([e.spun == 1 and kind in e.kinds for e in self.examples])

    def without_kind(self, kind: str) -> str:
        """Refit both stages without any text of the kind (written or simulated), score the written pairs."""
        rows = ~self.of_kind(kind)
        tested = [
            i for i, e in enumerate(self.examples)
            if (e.kind == kind and e.source == f"written:{kind}") or (e.spun == 0 and e.group.startswith(("honest", "pair")))
        ]  # fmt: skip
        positive, negative, _ = self._refitted(rows, tested)
        return row(self.curves, f"kind {kind} left out, against written honest text", positive, negative)

    def without_tool(self, tool: str) -> Iterator[str]:
        """Refit both stages without the real passages of the tool and without the kind that is like it, score
        these passages; for SpinBot, its output on PubMed too."""
        pattern, kind = TOOLS[tool]
        of_tool = np.array(
            [bool(e.source == "real:spun" and re.search(pattern, e.kind)) for e in self.examples]
        )
        of_kind = self.of_kind(kind)
        tested = [
            i for i, e in enumerate(self.examples)
            if of_tool[i] or (e.spun == 0 and e.group.startswith(("honest", "pair", "real")))
        ]  # fmt: skip
        sets = {"spinbot_real": 1, "pubmed_human": 0} if tool == "SpinBot" else {}
        foreign = {
            name: [plain(r["text"]) for r in read_jsonl_xz(LABELLED / f"{name}.jsonl.xz")] for name in sets
        }
        positive, negative, scored = self._refitted(~of_tool & ~of_kind, tested, foreign)
        name = f"{tool} left out (its {of_tool.sum()} real passages, kind {kind})"
        yield row(self.curves, f"{name}, these passages against honest text", positive, negative)
        if scored:
            yield row(self.curves, f"{name}, on PubMed", scored["spinbot_real"], scored["pubmed_human"])

    def _refitted(
        self, rows: np.ndarray, tested: list[int], foreign: dict[str, list[str]] | None = None
    ) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        """Log-odds of the tested examples that are spun, of those that are not, by models of two folds fitted on
        `rows` of the other fold; and of foreign texts, by the first of these models."""
        kept = [e for e, keep in zip(self.examples, rows, strict=True) if keep]
        folds = folds_of([e.block for e in self.examples], 2, 3)
        odds, labels, scored = [], [], {}
        data = collect_tokens(self.lexicon.tables, kept)
        kept_folds = folds[rows]
        for fold in range(2):
            weights = pack_weights(fit_tokens(data, np.flatnonzero(kept_folds[data.document] != fold), 1))
            index = [i for i in tested if folds[i] == fold]
            unseen = fit.feature_matrix(self.lexicon.tables, weights, [self.examples[i].text for i in index])
            train = rows & (folds != fold) & (fit.labels_of(self.examples, "spun") >= 0)
            target = fit.labels_of(self.examples, "spun")[train]
            head = fit.fit_head(self.matrix[train], target, self.weights[train], "spun")
            odds.append(head.raw(unseen))
            labels.append([self.examples[i].spun for i in index])
            for name, texts in (foreign or {}).items() if fold == 0 else ():
                scored[name] = head.raw(fit.feature_matrix(self.lexicon.tables, weights, texts))
        joined, known = np.concatenate(odds), np.concatenate(labels)
        return joined[known == 1], joined[known == 0], scored


def undrawn(unseen: Unseen) -> Iterator[str]:
    """Honest text flagged among the prose of the training sources that no step of training drew.

    Training draws passages from nearly every document there, so most of this is what is left of a document
    beside them: its author and topic are known to the model, its words are not."""
    record = unseen.detector.model.manifest["training"]
    folder, seed, per_source = DATA / "clean_heldout", record["seed"], record["per_source"]
    drawn: dict[str, list[str]] = {}
    for example in clean_prose(folder, per_source, seed) + whole_documents(folder, per_source // 6, seed):
        drawn.setdefault(example.group.removeprefix("clean:"), []).append(example.text)
    limits = [unseen.detector.model.thresholds(rate) for rate in POLICIES.values()]
    yield f"Model `{unseen.detector.model.name}`, `python benchmarks/quality.py --undrawn`.\n"
    yield "| source | texts | precise | balanced | sensitive |\n|---|---|---|---|---|"
    every, whole = [], 0
    for path in sorted(folder.glob("*.jsonl.xz")):
        records = list(read_jsonl_xz(path))
        left = [rest(r["text"], drawn.get(r["id"], [])) for r in records]
        scores = unseen.scores([text for text in left if len(text.split()) >= 60])
        whole += sum(r["id"] not in drawn for r in records)
        if len(scores):
            every.append(scores)
            yield flagged_row(path.name.removesuffix(".jsonl.xz"), scores, limits)
    yield flagged_row("all", np.concatenate(every), limits)
    yield f"\nFrom {whole} documents nothing at all was drawn; the others are the rest of a document."


def rest(text: str, drawn: list[str], most: int = 450) -> str:
    """The longest run of sentences of a document that stands in none of its drawn passages, up to about `most`
    words."""
    runs: list[list[str]] = [[]]
    for sentence in SENTENCE.split(text):
        if sentence and any(sentence in passage for passage in drawn):
            runs.append([])
        elif sum(len(s.split()) for s in runs[-1]) < most:
            runs[-1].append(sentence)
    return max((" ".join(run) for run in runs), key=len)


def flagged_row(name: str, scores: np.ndarray, limits: list[tuple[float, float]]) -> str:
    shares = ((scores >= limit).any(axis=1).mean() for limit in limits)
    return f"| {name} | {len(scores)} | " + " | ".join(f"{share:.2%}" for share in shares) + " |"


def draw(curves: Curves, probabilities: Curves) -> None:
    """One ROC per set, with a logarithmic false-positive rate; and calibration: how often a probability of so
    much was right, on sets that training never read. Needs the extra `plots`."""
    try:
        import matplotlib
    except ModuleNotFoundError:
        print('no plot: pip install "spun-text-detector[plots]"')
        return
    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, (roc, calibration) = pyplot.subplots(
        1, 2, figsize=(15, 6), width_ratios=[3, 2], layout="constrained"
    )
    roc.set_prop_cycle(color=pyplot.colormaps["tab20"].colors)
    for name, (positive, negative) in curves.items():
        labels = np.r_[np.ones(len(positive)), np.zeros(len(negative))]
        false, true, _ = roc_curve(labels, np.r_[positive, negative])
        style = {"linewidth": 1, "alpha": 0.8} if "left out" in name else {"linewidth": 2}
        roc.plot(np.maximum(false, 5e-4), true, label=name, **style)
    for rate in RATES:
        roc.axvline(rate, color="0.8", linewidth=0.8, zorder=0)
    roc.set(
        xscale="log",
        xlim=(5e-4, 1),
        ylim=(0, 1.01),
        xlabel="honest texts flagged",
        ylabel="spun or stuffed texts found",
    )
    roc.legend(fontsize=7, frameon=False, loc="lower right")
    for name, (positive, negative) in probabilities.items():
        labels = np.r_[np.ones(len(positive)), np.zeros(len(negative))]
        fraction, mean = calibration_curve(labels, np.r_[positive, negative], n_bins=10)
        error = calibration_error(np.r_[positive, negative], labels)
        calibration.plot(mean, fraction, marker="o", label=f"{name} (error {error:.3f})")
    calibration.plot([0, 1], [0, 1], color="0.6", linestyle=":", zorder=0)
    calibration.set(xlabel="probability given", ylabel="share that is spun or stuffed", title="Calibration")
    calibration.legend(fontsize=7, frameon=False, loc="upper left")
    for axes in (roc, calibration):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(ROOT / "docs" / "images" / PLOT, dpi=110)


def report(held_out: bool) -> Iterator[str]:
    """The Markdown page, line by line."""
    unseen = Unseen()
    head = "AUC | TPR at 0.1 % FPR | TPR at 1 % FPR | TPR at 5 % FPR |"
    rule = "|---|---|---|---|---|"
    yield f"# Quality\n\nModel `{unseen.detector.model.name}`, {len(features.NAMES)} features. Made by"
    yield f"`python benchmarks/quality.py{' --held-out' if held_out else ''}`.\n"
    yield f"## Sets that training never read\n\n| set | {head}\n{rule}"
    yield from unseen.rows()
    yield f"\nExpected calibration error on SpinBot and PubMed: {unseen.error:.3f}\n"
    yield "## Honest text flagged, by policy\n\n| source | texts | precise | balanced | sensitive |\n|---|---|---|---|---|"
    yield from unseen.clean_rows()
    curves = dict(unseen.curves)
    if held_out:
        yield f"\n## The recipe under cross-validation\n\n{LEFT_OUT}\n| set | {head}\n{rule}"
        recipe = HeldOut()
        yield from recipe.rows()
        curves |= recipe.curves
    draw(curves, unseen.curves)
    yield f"\n![One ROC per set, and calibration on unseen sets](images/{PLOT})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--held-out", action="store_true", help="also refit under cross-validation (ten minutes)"
    )
    parser.add_argument(
        "--undrawn", action="store_true", help="only the honest prose that no training step drew"
    )
    arguments = parser.parse_args()
    lines = []
    for line in undrawn(Unseen()) if arguments.undrawn else report(arguments.held_out):
        print(line, flush=True)
        lines.append(line)
    if not arguments.undrawn:
        (ROOT / "docs" / "quality.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
