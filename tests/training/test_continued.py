"""Training on labels: deterministic, held to the base, silent about what it must not see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detector.labels import Label, LabelError
from detector.registry import Registry
from detector.signals.replaced import pack_weights, unpack_weights
from detector.training.continued import Options, Start, choose, fit, train_on_labels
from detector.training.correction import (
    Scores,
    as_trees,
    fit_second,
    hold_down,
    information_of,
    with_constant,
)
from detector.training.labelled import HELD_BACK_FROM, merge
from detector.training.matrix import feature_matrix
from detector.training.token_update import label_tokens, update_tokens
from detector.training.trees import Trees, join_trees, split_trees
from tests.texts import GERMAN, HONEST, SPUN
from tests.training.conftest import base_examples

OPTIONS = Options(holds=(50.0,), shares=(0.5,), token_weights=(1.0,))


def pages(count: int, annotator: str = "anna") -> list[Label]:
    """Spun and honest pages, each with an ending of its own."""
    return [
        Label(f"{(SPUN, HONEST)[i % 2]} And number {i} was the last.", 1 - i % 2, None, "shop", annotator)
        for i in range(count)
    ]


def quiet(_: str) -> None:
    pass


def test_the_same_labels_give_the_same_model(start: Start, tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        version = train_on_labels(pages(12), Registry(tmp_path / name), OPTIONS, start)
        digests.append(version.load().digest)
    assert digests[0] == digests[1] != start.model.digest


def test_labels_move_their_pages_and_little_else(start: Start) -> None:
    learned = merge(pages(12))
    fitted = fit(start, learned, OPTIONS, quiet)
    spun = np.array([item.labels[0] == 1 for item in learned])
    before = start.heads()[0].raw(
        feature_matrix(start.lexicon.tables, start.model.heads.token_weights, [i.text for i in learned])
    )
    gap = fitted.odds[spun, 0].mean() - fitted.odds[~spun, 0].mean()
    assert gap > before[spun].mean() - before[~spun].mean() + 0.5
    firmly = Options(holds=(1e9,), shares=(), token_weights=(0.0,))
    nothing = fit(start, learned, firmly, quiet)
    other = fit(start, merge(replace(label, spun=0) for label in pages(12)), firmly, quiet)
    assert nothing.arrays["trees.npy"] == pytest.approx(other.arrays["trees.npy"], abs=1e-4)
    kept = pack_weights(nothing.arrays["token_weights.npy"])
    assert np.array_equal(kept.hashed, start.model.heads.token_weights.hashed)


def test_frozen_and_held_back_texts_are_not_learned_from(start: Start) -> None:
    examples = base_examples()
    copy = next(e.text for e, held in zip(examples, start.base.holdout) if held)
    labels = [*pages(140), Label(copy, 1), Label(GERMAN, 1), Label("too short", 0)]
    chosen = choose(labels, start)
    assert chosen.left_out == {"copy of the frozen hold-out": 1, "not_english": 1, "too_short": 1}
    assert len(chosen.learned) + len(chosen.held_back) == 140
    assert 10 < len(chosen.held_back) < 50
    fewer = choose(labels[:120], start)
    assert {i.text for i in fewer.held_back} == {
        i.text for i in chosen.held_back if i.voices[0] in labels[:120]
    }
    assert not choose(labels[: HELD_BACK_FROM - 1], start).held_back, "of few, all are needed"


def test_what_annotators_disagree_about_is_left_out() -> None:
    labels = [Label("a", 1, annotator="x"), Label("a", 0, 1, annotator="y"), Label("b", 1), Label("b", 1, 0)]
    merged = merge(labels)
    assert [(item.text, item.labels) for item in merged] == [("a", (-1, 1)), ("b", (1, 0))]
    assert merge([Label("a", 1, annotator="x"), Label("a", 0, annotator="y")]) == []
    assert merged[0].annotators == ("x", "y")


def test_the_record_says_what_went_in(start: Start, tmp_path: Path) -> None:
    labels = pages(12) + pages(14, "ben")[12:]
    version = train_on_labels(labels, Registry(tmp_path), OPTIONS, start)
    record = version.load().manifest["training"]
    assert record["from_hash"] == start.model.digest
    assert record["base_sha256"] == start.base.digest
    assert sum(record["labels"]["by_annotator"].values()) == record["labels"]["learned"]
    assert record["taken"]["spun"]["share"] == 0.5
    counts = record["labels"]["cross_validated"]
    assert counts["texts"] == record["labels"]["learned"]
    assert 0 <= counts["before"] - counts["lost"] <= counts["texts"] - counts["won"]
    assert set(record["labels"]["by_annotator"]) <= {"anna", "ben"}
    assert {"numpy", "scipy", "scikit-learn", "numba", "python"} == set(record["libraries"])
    figures = version.load().manifest["metrics"]["labels_out_of_fold"]
    assert figures["spun"]["texts"] == record["labels"]["learned"]
    assert figures["spun"]["log_loss"] < 1.0
    assert set(figures) == {"spun"}
    assert version.load().manifest["version"].endswith("+1")
    assert not version.in_use


@pytest.mark.parametrize(
    "labels", [[], [Label("too short", 1)], [Label("x", 1, annotator="a"), Label("x", 0, annotator="b")]]
)
def test_nothing_to_learn_from_is_an_error(start: Start, tmp_path: Path, labels: list[Label]) -> None:
    with pytest.raises(LabelError, match="no label to learn from"):
        train_on_labels(labels, Registry(tmp_path), OPTIONS, start)
    assert [v.name for v in Registry(tmp_path).versions()] == ["shipped"]


def test_labels_of_one_head_alone_and_of_one_answer_alone(start: Start, tmp_path: Path) -> None:
    for labels in ([Label(HONEST, None, 1)], [Label(SPUN, 1)], [Label(HONEST, 0)]):
        texts = [replace(label, text=f"{label.text} {i}") for label in labels for i in range(6)]
        assert train_on_labels(texts, Registry(tmp_path), OPTIONS, start).load()


def test_a_new_pair_of_words_is_learned_and_a_common_word_is_not(start: Start) -> None:
    tables, weights = start.lexicon.tables, unpack_weights(start.model.heads.token_weights)
    data = label_tokens(tables, [SPUN, HONEST], [((0, 10),), ()])
    spun = np.array([1, 0])[data.document]
    information = np.zeros(len(weights), np.float32)
    free = update_tokens(weights, information, data, spun, 1.0)
    marked = data.labels == 1
    assert marked.any()
    before, after = (w[data.active].sum(axis=1) for w in (weights, free))
    assert (after[marked] > before[marked]).all()
    held = update_tokens(weights, information + 1e6, data, spun, 1.0)
    assert np.abs(held - weights).max() < 0.01


def drawn(rows: int) -> tuple[np.ndarray, Scores, np.ndarray, np.ndarray]:
    """(matrix, scores, design, labels) of made-up documents: the second feature tells."""
    generator = np.random.default_rng(0)
    matrix = np.round(generator.normal(size=(rows, 6)), 1).astype(np.float32)
    matrix[:, 5] = 1.0
    scores = Scores.fit(matrix[:, 1:])
    labels = (matrix[:, 1] + generator.normal(size=rows) > 0).astype(int)
    return matrix, scores, with_constant(scores.transform(matrix[:, 1:])), labels


def test_trees_of_a_correction_give_what_was_fitted() -> None:
    matrix, scores, design, labels = drawn(400)
    slopes, _ = fit_second(design, labels, design[:0], np.zeros(0))
    nodes, roots = as_trees(scores, slopes[:-1], np.arange(1, 6))
    assert len(roots) == 4
    got = Trees(nodes, roots, np.array([slopes[-1], 1.0, 0.0])).raw(_wide(matrix))
    assert got == pytest.approx(design @ slopes, abs=1e-9)
    assert np.corrcoef(got, labels)[0, 1] > 0.5


def test_old_honest_documents_are_judged_as_by_a_fit_without_each() -> None:
    _, _, design, labels = drawn(60)
    spam, honest = design[labels == 1], design[labels == 0]
    weights = np.full(len(honest), 1 / len(honest))
    slopes, unseen = fit_second(spam, np.ones(len(spam), int), honest, weights)
    for i in range(5):
        rest = np.arange(len(honest)) != i
        left, _ = fit_second(spam, np.ones(len(spam), int), honest[rest], weights[rest])
        assert unseen[i] == pytest.approx(honest[i] @ left, abs=0.3 * abs(honest[i] @ (left - slopes)) + 1e-6)


def test_pages_called_clean_go_below_the_threshold_and_those_below_stay() -> None:
    _, _, design, _ = drawn(300)
    information = information_of(design, np.full(300, -2.0), np.full(300, 1 / 300))
    called = design[:8]
    slopes = hold_down(called, np.full(8, 1.0), information, 1.0)
    assert (1.0 + called @ slopes < 0).all()
    assert np.abs(hold_down(called, np.full(8, -20.0), information, 1.0)).max() < 1e-3
    assert np.abs(hold_down(called, np.full(8, 1.0), information, 1e9)).max() < 1e-3


def _wide(matrix: np.ndarray) -> np.ndarray:
    from detector import features

    return np.pad(matrix, ((0, 0), (0, features.WIDTH - matrix.shape[1])))


def test_heads_taken_apart_and_put_together_judge_the_same(start: Start) -> None:
    arrays = start.model.arrays
    apart = split_trees(arrays)
    joined = join_trees(*apart)
    matrix = start.base.matrix[:50]
    assert sum(len(trees.nodes) for trees in apart) == len(arrays["trees.npy"])
    for h, trees in enumerate(apart):
        name = ("spun_roots.npy", "stuffed_roots.npy")[h]
        whole = Trees(arrays["trees.npy"], arrays[name], arrays["scales.npy"][h]).raw(matrix)
        assert trees.raw(matrix) == pytest.approx(whole, abs=1e-12)
        again = Trees(joined["trees.npy"], joined[name], joined["scales.npy"][h])
        assert again.raw(matrix) == pytest.approx(whole, abs=1e-12)


def test_a_correction_that_harms_is_held_more_firmly(start: Start) -> None:
    learned = merge(replace(label, spun=1 - (label.spun or 0)) for label in pages(12))
    right = np.where(start.base.labels == 1, 1.0, -1.0)  # heads that make no mistake can only get worse
    perfect = replace(start, base=replace(start.base, odds=right))
    lines: list[str] = []
    fit(perfect, learned, Options(holds=(0.001, 1e9), shares=(1.0, 0.01), token_weights=(1.0,)), lines.append)
    assert any(
        "spun: 12 labelled texts, those wrongly flagged pushed down at hold 1e+09" in line for line in lines
    )


def test_the_record_counts_labels_that_all_others_speak_against(start: Start, tmp_path: Path) -> None:
    labels = pages(48)
    flipped = [
        replace(label, spun=1 - (label.spun or 0)) if i % 12 < 2 else label for i, label in enumerate(labels)
    ]
    against = []
    for name, given in (("right", labels), ("flipped", flipped)):
        record = train_on_labels(given, Registry(tmp_path / name), OPTIONS, start).load().manifest["training"]
        against.append(record["labels"]["contradicted"])
    assert against[0].keys() == {"spun"}
    assert [count for count, _ in against[0]["spun"].values()] == [0, 0]
    assert all(count >= 2 for count, _ in against[1]["spun"].values())
