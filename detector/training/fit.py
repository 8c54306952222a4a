"""`detector train`: examples -> token stage -> page heads -> calibration -> thresholds -> bundle.

The token stage is cross-fitted: the features of a document come from a token stage that never saw its group,
so that the page heads learn what the stage is worth on unseen text. Thresholds and calibration come from
out-of-fold scores in the same way. Same input, same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from detector import __version__, features
from detector.lexicon.tables import LexiconFiles, load_lexicon
from detector.model import HEADS, save_model
from detector.paths import LEXICON, SHIPPED
from detector.signals.replaced import pack_weights
from detector.spinner.tables import Thesaurus
from detector.training.base import encode_base, save_base, token_information
from detector.training.examples import (
    PADDED,
    Example,
    clean_abstracts,
    clean_prose,
    honest_labelled,
    laid_out_versions,
    lowered_versions,
    padded_versions,
    real_passages,
    spun_versions,
    stable_hash,
    stuffed_listings,
    stuffed_versions,
    whole_documents,
    written_examples,
)
from detector.training.matrix import feature_matrix
from detector.training.token_stage import collect_tokens, fit_tokens, folds_of
from detector.training.trees import Trees, export_trees, join_trees

FOLDS = 4
FPR_GRID = (0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5)
"""Rates per head at which thresholds are fixed; a policy divides its rate among the heads."""
BOOSTING = {
    "max_iter": 400, "early_stopping": False, "learning_rate": 0.05, "max_leaf_nodes": 8, "min_samples_leaf": 40,
    "l2_regularization": 5.0, "max_features": 0.3,
}  # fmt: skip
"""Chosen on texts out of fold; logistic regression is as good for `spun` and far worse for `stuffed`."""
VERSIONS, WRITTEN_VERSIONS = 6, 3
"""Simulated tools that spin each clean and each written honest text."""
SIMULATED_WEIGHT = 0.25
"""Of a simulated text in the heads, against one that people or real tools wrote."""
Log = Callable[[str], None]


def source_balance(examples: list[Example]) -> np.ndarray:
    """float64[D]: the weight of each example, with large sources held down (square root beyond 60 texts),
    so that neither the fit nor a threshold is decided by the two or three largest. What our own spinner made
    counts less: there is as much of it as one likes, and real tools are not quite like it."""
    sizes = Counter(example.source for example in examples)
    ours = [SIMULATED_WEIGHT if e.spun == 1 and is_simulated(e.source) else 1.0 for e in examples]
    held = [e.weight * min(1.0, np.sqrt(60 / sizes[e.source])) for e in examples]
    return np.multiply(ours, held)


def is_simulated(source: str) -> bool:
    """Whether texts of this source went through this project's spinner, or are the counterparts of padded ones."""
    return source.startswith(("spun:", f"{PADDED}:"))


def thinned(examples: list[Example]) -> tuple[np.ndarray, np.ndarray]:
    """(indices, weights) of what the base for later training keeps: half of the simulated texts, each of which
    weighs as two."""
    simulated = np.array([is_simulated(example.source) for example in examples])
    drawn = np.array([stable_hash(example.text) % 2 == 0 for example in examples])
    rows = np.flatnonzero(~simulated | drawn)
    return rows, (source_balance(examples) * np.where(simulated, 2.0, 1.0))[rows]


def labels_of(examples: list[Example], head: str) -> np.ndarray:
    """1, 0, or -1 where the label is unknown."""
    values = (getattr(example, head) for example in examples)
    return np.array([-1 if value is None else value for value in values], np.int64)


def feature_mask(head: str) -> np.ndarray:
    """Which features a head may use: spinning is not judged by repetition, nor stuffing by single words."""
    mask = np.ones(features.WIDTH, bool)
    if head == "spun":
        mask[features.STUFFING : features.CONFIDENCE] = False
    else:
        mask[: features.STYLE] = False
        mask[features.STRETCH :] = False
    return mask


def fit_head(matrix: np.ndarray, labels: np.ndarray, weights: np.ndarray, head: str) -> Trees:
    """Gradient-boosted trees (Friedman 2001) on the features that the head may use."""
    columns = np.flatnonzero(feature_mask(head))
    classifier = HistGradientBoostingClassifier(**BOOSTING, random_state=0)
    classifier.fit(matrix[:, columns], labels, sample_weight=weights)
    return export_trees(classifier, columns)


def calibrate(odds: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """(slope, intercept) of Platt scaling (Platt 1999) on out-of-fold log-odds."""
    scaler = LogisticRegression(C=1e6)
    scaler.fit(odds[:, None], labels, sample_weight=weights)
    return float(scaler.coef_[0, 0]), float(scaler.intercept_[0])


def calibration_weights(
    sources: np.ndarray, labels: np.ndarray, weights: np.ndarray, head: str
) -> np.ndarray:
    """`weights` for calibrating a head: `spun` on what people and real tools wrote, without the pages that this
    project's spinner made (`sources` str[D] tells them), which are not as hard to tell as theirs. Positives and
    negatives keep their sums, and so the base rate stays."""
    if head != "spun":
        return weights
    kept = np.where([is_simulated(source) for source in sources], 0.0, weights)
    for label in (0, 1):
        rows = labels == label
        if not kept[rows].any():
            return weights
        kept[rows] *= weights[rows].sum() / kept[rows].sum()
    return kept


def rate_thresholds(odds: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Log-odds exceeded by each share of FPR_GRID of clean documents (weighted); where fewer than three
    documents would lie above, one nat more per further factor of ten."""
    order = np.argsort(-odds)
    share = np.cumsum(weights[order]) / weights.sum()
    least = share[2]
    rates = np.maximum(FPR_GRID, least)
    found = odds[order][np.minimum(np.searchsorted(share, rates), len(odds) - 1)]
    beyond = np.log10(rates / np.array(FPR_GRID))
    return np.minimum.accumulate(found + beyond)


def settle(
    odds: np.ndarray, labels: np.ndarray, weights: np.ndarray, sources: np.ndarray, head: str
) -> tuple[float, float, np.ndarray]:
    """(slope, intercept, thresholds) of a head from raw log-odds out of fold; `labels` -1 where unknown."""
    known, clean = labels >= 0, labels == 0
    balance = calibration_weights(sources, labels, weights, head)
    slope, intercept = calibrate(odds[known], labels[known], balance[known])
    return slope, intercept, rate_thresholds(odds[clean] * slope + intercept, weights[clean])


def check_inputs(data: Path, written: Path) -> None:
    """Raise FileNotFoundError naming all that is missing, before any work is done."""
    labelled = ("human_and_gpt35", "clean_esl_sentences", "keyword_stuffed_listings", "real_passages")
    needed = [data / "labelled" / f"{name}.jsonl.xz" for name in labelled]
    needed += [data / "clean_heldout", *(written / folder for folder in ("pairs", "stuffed", "honest"))]
    missing = [str(path) for path in needed if not path.exists()]
    if missing:
        raise FileNotFoundError(f"missing: {', '.join(missing)} (docs/data_card.md describes the layout)")


def assemble(
    data: Path, written: Path, lexicon: LexiconFiles, per_source: int, seed: int, log: Log
) -> list[Example]:
    """All training examples: clean prose and its spun and stuffed versions, the written corpus, real passages."""
    clean = clean_prose(data / "clean_heldout", per_source, seed) + clean_abstracts(data / "labelled")
    thesaurus = Thesaurus(lexicon)
    spun = spun_versions(clean, thesaurus, seed, versions=VERSIONS)
    by_hand = written_examples(written)
    honest = [example for example in by_hand if example.spun == 0]
    whole = whole_documents(data / "clean_heldout", per_source // 6, seed)
    stuffed = stuffed_versions(clean[::3] + whole[::2], seed)
    examples = clean + spun + stuffed + by_hand + whole
    examples += spun_versions(honest, thesaurus, seed, versions=WRITTEN_VERSIONS)
    examples += padded_versions(clean, spun[::9], seed)
    examples += laid_out_versions(clean[::2] + whole + stuffed[::2], seed)
    examples += lowered_versions(clean[::9] + stuffed[::5] + [e for e in by_hand if e.stuffed is not None])
    examples += honest_labelled(data / "labelled", seed) + stuffed_listings(data / "labelled")
    examples += real_passages(data / "labelled" / "real_passages.jsonl.xz")
    log(f"{len(examples):,} examples: " + ", ".join(f"{k} {v:,}" for k, v in _by_kind(examples).items()))
    return examples


def _by_kind(examples: list[Example]) -> dict[str, int]:
    return dict(sorted(Counter(example.source.split(":")[0] for example in examples).items()))


def cross_fit(
    lexicon: LexiconFiles, examples: list[Example], seed: int, log: Log
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(token weights fitted on all, features from stages that did not see the document, folds)."""
    data = collect_tokens(lexicon.tables, examples)
    log(f"{len(data.labels):,} tokens, {data.labels.mean():.1%} replaced")
    folds = folds_of([example.block for example in examples], FOLDS, seed)
    matrix = np.zeros((len(examples), features.WIDTH), np.float32)
    token_folds = folds[data.document]
    for fold in range(FOLDS):
        weights = fit_tokens(data, np.flatnonzero(token_folds != fold), seed)
        rows = np.flatnonzero(folds == fold)
        matrix[rows] = feature_matrix(lexicon.tables, pack_weights(weights), [examples[i].text for i in rows])
        held = np.flatnonzero(token_folds == fold)
        if len(np.unique(data.labels[held])) == 2:
            auc = roc_auc_score(data.labels[held], weights[data.active[held]].sum(axis=1))
            log(f"token stage without fold {fold}: AUC {auc:.4f} on it")
    return fit_tokens(data, np.arange(len(token_folds)), seed).astype(np.float16), matrix, folds


def out_of_fold(
    matrix: np.ndarray, labels: np.ndarray, weights: np.ndarray, folds: np.ndarray, head: str
) -> np.ndarray:
    """float64[D] raw scores of each document by a head that did not see its group."""
    scores = np.zeros(len(labels))
    for fold in range(FOLDS):
        rows = (folds != fold) & (labels >= 0)
        scores[folds == fold] = fit_head(matrix[rows], labels[rows], weights[rows], head).raw(
            matrix[folds == fold]
        )
    return scores


def fit_heads(
    examples: list[Example], matrix: np.ndarray, folds: np.ndarray, log: Log
) -> tuple[dict[str, np.ndarray], dict[str, Any], np.ndarray]:
    """(arrays of the bundle for both heads, metrics, raw log-odds out of fold float64[D, 2]): fitted, calibrated,
    thresholds fixed out of fold."""
    weights = source_balance(examples)
    sources = np.array([example.source for example in examples])
    fitted, curves, metrics, odds = [], [], {}, []
    for head in HEADS:
        labels = labels_of(examples, head)
        held_out = out_of_fold(matrix, labels, weights, folds, head)
        slope, intercept, thresholds = settle(held_out, labels, weights, sources, head)
        known = labels >= 0
        trees = fit_head(matrix[known], labels[known], weights[known], head)
        fitted.append(replace(trees, scale=np.array([trees.scale[0], slope, intercept])))
        curves.append(thresholds)
        metrics[head] = _summary(held_out, labels)
        odds.append(held_out)
        log(f"{head}: {metrics[head]}")
    return join_trees(*fitted) | {"curves.npy": np.array(curves)}, metrics, np.column_stack(odds)


def _summary(odds: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    positive, negative = odds[labels == 1], odds[labels == 0]
    known = labels >= 0
    auc = roc_auc_score(labels[known], odds[known])
    rates = {
        f"tpr_at_{r:g}": float((positive > np.quantile(negative, 1 - r)).mean()) for r in (0.001, 0.01, 0.05)
    }
    return {"auc": round(float(auc), 4)} | {name: round(value, 4) for name, value in rates.items()}


def train(
    data: Path,
    written: Path,
    target: Path = SHIPPED,
    per_source: int = 1200,
    seed: int = 1,
    log: Log = print,
) -> dict[str, Any]:
    """Make the model from the data folder and the written corpus, write its bundle; returns the metrics.

    `data` is laid out like `../shared/data` (see docs/data_card.md). Deterministic: same hash twice.
    """
    check_inputs(data, written)
    lexicon = load_lexicon(LEXICON)
    examples = assemble(data, written, lexicon, per_source, seed, log)
    token_weights, matrix, folds = cross_fit(lexicon, examples, seed, log)
    arrays, metrics, odds = fit_heads(examples, matrix, folds, log)
    information = token_information(lexicon.tables, examples, token_weights.astype(np.float32))
    rows, base_weights = thinned(examples)
    base = encode_base(
        [examples[i] for i in rows], matrix[rows], base_weights, folds[rows], odds[rows], information
    )
    log(f"base for later training: {len(base):,} bytes")
    manifest = {
        "name": "base",
        "version": __version__,
        "feature_version": features.VERSION,
        "features": list(features.NAMES),
        "lexicon": lexicon.digest,
        "fpr_grid": list(FPR_GRID),
        "metrics": {"out_of_fold": metrics},
        "base": hashlib.sha256(base).hexdigest(),
        "training": {
            "seed": seed,
            "per_source": per_source,
            "examples": _by_kind(examples),
            "text_sha256": _digest(examples),
        },
    }
    save_base(target, base)
    save_model(target, manifest, arrays | {"token_weights.npy": token_weights})
    return metrics


def _digest(examples: list[Example]) -> str:
    state = hashlib.sha256()
    for example in examples:
        state.update(json.dumps([example.text, example.spun, example.stuffed, example.weight]).encode())
    return state.hexdigest()
