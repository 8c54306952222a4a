"""Fit the last stage: `python -m detector.training.lm --data ../shared/data`.

Run it after every `detector train`: the stage is fitted to one fast model. It makes the training examples
anew, reads a part of them with the language model (kept on disk, so that only new texts cost time), fits the
probe out of fold, and stacks its log-odds with those of the fast stage, which come from cross-fitting too.
Everything is decided on texts that neither stage saw. Writes `detector/data/lm`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from detector.lexicon.tables import load_lexicon
from detector.lm.folder import default_folder
from detector.lm.reader import Reader
from detector.lm.stage import FITTED, Fitted, save_fitted
from detector.model import Model, load_model
from detector.paths import LEXICON, SHIPPED
from detector.training import fit
from detector.training.examples import PADDED, Example, stable_hash
from detector.training.harm import weighted_quantile
from detector.training.lm_probe import Page, fit_probe
from detector.training.states import CachedStates, StatesCache
from detector.training.trees import split_trees

SHARE, SIMULATED_SHARE = 0.25, 0.125
"""Of clean prose and of simulated pages, the share that the language model reads; of all else, everything."""
READ = 0.2
"""Share of honest text that the band lets through to the last stage."""
SURE = 0.0002
"""Where so few honest texts lie above, there is nothing left to doubt."""
Log = Callable[[str], None]


@dataclass(frozen=True)
class Stacked:
    """What calibration rests on, one entry a page: labels, weights, out-of-fold log-odds of both stages."""

    labels: np.ndarray
    weights: np.ndarray
    fast: np.ndarray
    read: np.ndarray


def chosen(examples: list[Example]) -> np.ndarray:
    """Indices of the examples that the language model reads: all whose `spun` is known, but of clean prose and
    simulated pages only a share, by hash, and no padded pages: it reads the beginning of a page only, which may
    lie before what was spun."""

    def taken(example: Example) -> bool:
        if example.spun is None or example.kind == PADDED:
            return False
        if fit.is_simulated(example.source):
            return stable_hash(example.text) % 1000 < 1000 * SIMULATED_SHARE
        plenty = example.group.startswith(("clean:", "abstract:"))
        return not plenty or stable_hash(example.group) % 1000 < 1000 * SHARE

    return np.array([i for i, example in enumerate(examples) if taken(example)])


def token_labels(example: Example, states: CachedStates) -> np.ndarray:
    """int8[L]: 1 put there by a spinner, 0 not, -1 unknown."""
    if example.spun and example.spans is None:
        return np.full(len(states.starts), -1, np.int8)
    labels = np.zeros(len(states.starts), np.int8)
    for start, end in example.spans or ():
        labels[(states.starts < end) & (states.ends > start)] = 1
    if example.spun and example.partial:
        labels[labels == 0] = -1
    return labels


def make_pages(examples: list[Example], states: list[CachedStates]) -> list[Page]:
    """Training pages of the probe, with sources balanced as for the fast stage."""
    weights = fit.source_balance(examples)
    return [
        Page(s.values, token_labels(e, s), int(e.spun or 0), float(w))
        for e, s, w in zip(examples, states, weights, strict=True)
    ]


def out_of_fold(pages: list[Page], folds: np.ndarray, seed: int, log: Log) -> np.ndarray:
    """float64[D] page log-odds from probes that did not see the page's block."""
    odds = np.zeros(len(pages))
    for fold in np.unique(folds):
        probe = fit_probe([page for page, f in zip(pages, folds, strict=True) if f != fold], seed)
        for i in np.flatnonzero(folds == fold):
            odds[i] = probe(np.asarray(pages[i].states, np.float32))[0]
        log(f"probe without fold {fold}")
    return odds


def fast_odds(
    examples: list[Example], model: Model, cache: Path, seed: int, log: Log
) -> tuple[np.ndarray, np.ndarray]:
    """(float64[D] calibrated spun log-odds of the fast stage out of fold, int32[D] folds); kept in `cache`."""
    stamp = hashlib.sha256(f"{model.digest} {fit._digest(examples)}".encode()).hexdigest()[:16]
    kept = cache / f"fast-{stamp}.npz"
    if not kept.exists():
        _, matrix, folds = fit.cross_fit(load_lexicon(LEXICON), examples, seed, log)
        labels, weights = fit.labels_of(examples, "spun"), fit.source_balance(examples)
        odds = fit.out_of_fold(matrix, labels, weights, folds, "spun")
        _, slope, intercept = split_trees(model.arrays)[0].scale
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(kept, odds=odds * slope + intercept, folds=folds)
    with np.load(kept) as data:
        return np.asarray(data["odds"]), np.asarray(data["folds"])


def stack(data: Stacked) -> np.ndarray:
    """float64[3]: intercept and the weights of both stages' log-odds."""
    both = np.stack([data.fast, data.read], axis=1)
    model = LogisticRegression(C=1e6).fit(both, data.labels, sample_weight=data.weights)
    return np.array([model.intercept_[0], *model.coef_[0]])


def band_of(data: Stacked, share: float) -> np.ndarray:
    """float64[2]: fast log-odds between which a page is read, so that a share `share` of honest ones is."""
    honest = data.labels == 0
    odds, weights = data.fast[honest], data.weights[honest]
    low, high = (weighted_quantile(odds, weights, rate) for rate in (share, SURE))
    return np.array([low, max(high, low)])


def cascade(data: Stacked, weights: np.ndarray, band: np.ndarray | None) -> np.ndarray:
    """Log-odds of `spun` after the last stage has read what lies in the band (None: everything)."""
    both: np.ndarray = weights[0] + weights[1] * data.fast + weights[2] * data.read
    if band is None:
        return both
    return np.where((data.fast >= band[0]) & (data.fast <= band[1]), both, data.fast)


def table(data: Stacked, weights: np.ndarray) -> dict[str, dict[str, float]]:
    """Cost and gain by share of honest text read: AUC and TPR at 0.1, 1 and 5 % FPR, out of fold."""
    rows = {"0": fit._summary(data.fast, data.labels)}
    for share in (0.02, 0.05, 0.1, 0.2, 0.4):
        band = band_of(data, share)
        inside = (data.fast >= band[0]) & (data.fast <= band[1])
        rows[f"{share:g}"] = fit._summary(cascade(data, weights, band), data.labels) | {
            "spun_read": round(float(inside[data.labels == 1].mean()), 3)
        }
    rows["1"] = fit._summary(cascade(data, weights, None), data.labels)
    rows["1, without the fast stage"] = fit._summary(data.read, data.labels)
    return rows


def train(
    data: Path,
    written: Path,
    target: Path = FITTED,
    cache: Path | None = None,
    seed: int = 1,
    jobs: int = 1,
    log: Log = print,
) -> dict[str, Any]:
    """Fit the last stage to the shipped model and write it to `target`; returns its manifest.

    Raises LanguageModelError if the language model is not built.
    """  # fmt: skip
    fit.check_inputs(data, written)
    reader, model = Reader(), load_model(SHIPPED)
    kept = cache or default_folder().with_name("lm-states")
    record = model.manifest["training"]
    examples = fit.assemble(data, written, load_lexicon(LEXICON), record["per_source"], record["seed"], log)
    odds, folds = fast_odds(examples, model, kept, record["seed"], log)
    index = chosen(examples)
    taken = [examples[i] for i in index]
    pages = make_pages(taken, StatesCache(kept, reader).of([e.text for e in taken], log, jobs))
    read = out_of_fold(pages, folds[index], seed, log)
    labels = np.array([page.spun for page in pages])
    stacked = Stacked(labels, np.array([page.weight for page in pages]), odds[index], read)
    weights, band = stack(stacked), band_of(stacked, READ)
    honest = labels == 0
    curves = np.array(
        [
            fit.rate_thresholds(cascade(stacked, weights, b)[honest], stacked.weights[honest])
            for b in (band, None)
        ]
    )
    manifest = {
        "reader": reader.kind,
        "model": model.digest,
        "pages": len(pages),
        "out_of_fold": table(stacked, weights),
    }
    log(json.dumps(manifest["out_of_fold"], indent=1))
    save_fitted(target, Fitted(fit_probe(pages, seed), weights, band, curves, manifest))
    return manifest


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with clean_heldout/ and labelled/")
    parser.add_argument("--written", type=Path, default=Path("training_data"), help="the written corpus")
    parser.add_argument("--output", type=Path, default=FITTED, help="where the fitted stage goes")
    parser.add_argument("--cache", type=Path, help="where hidden states are kept (4 GB)")
    parser.add_argument("--jobs", type=int, default=1, help="threads that read")
    options = parser.parse_args()
    start = time.monotonic()
    train(
        options.data, options.written, options.output, options.cache, jobs=options.jobs,
        log=lambda line: print(f"{time.monotonic() - start:5.0f} s  {line}", file=sys.stderr, flush=True),
    )  # fmt: skip
