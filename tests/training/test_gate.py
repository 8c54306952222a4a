"""The gate: lets a better model through, and stops what is worse, dominated, or whitelists spam."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.labels import Label
from detector.model import Model, load_model, save_model
from detector.registry import Registry
from detector.training.continued import Start
from detector.training.fit import rate_thresholds
from detector.training.gate import DOMINANT_FROM, Comparison, compare, objections, promote
from detector.training.trees import join_trees, split_trees
from tests.texts import HONEST, SPUN


def changed(start: Start, folder: Path, feature: int, threshold: float, below: float, above: float) -> Model:
    """The model of `start` with one more stump in its spun head."""
    spun, stuffed = split_trees(start.model.arrays)
    stump = np.array([[feature, threshold, 1, 2, 0], [-1, 0, 0, 0, below], [-1, 0, 0, 0, above]], float)
    arrays = join_trees(spun.plus(stump, np.array([0], np.int32), 0.0), stuffed)
    base = start.base
    odds = base.odds[:, 0] + np.where(base.matrix[:, feature] <= threshold, below, above)
    clean = base.labels[:, 0] == 0
    curves = np.array(
        [rate_thresholds(odds[clean], base.weights[clean]), start.model.arrays["curves.npy"][1]]
    )
    arrays |= {"curves.npy": curves, "token_weights.npy": start.model.arrays["token_weights.npy"]}
    manifest = {k: v for k, v in start.model.manifest.items() if k not in ("schema", "files")}
    save_model(folder, manifest, arrays)
    return load_model(folder)


@pytest.fixture
def telling(start: Start) -> tuple[int, float]:
    """The feature, and the value, that best tells spun from honest rows of the base."""
    rows = start.base.labels[:, 0] >= 0
    matrix, spun = start.base.matrix[rows], start.base.labels[rows, 0] == 1
    gap = (matrix[spun].mean(axis=0) - matrix[~spun].mean(axis=0)) / (matrix.std(axis=0) + 1e-9)
    return int(gap.argmax()), float(np.median(matrix[:, gap.argmax()]))


def test_a_model_compared_with_itself_differs_in_nothing(start: Start) -> None:
    comparison = compare(start.model, start.model, [], start)
    assert {row.difference for row in comparison.frozen} == {0.0}
    assert comparison.flipped == {}
    assert objections(comparison, {}) == []
    names = {row.name for row in comparison.frozen}
    assert {"all spam", "all honest", "simulated, kind A", "prose", "forum", "listing"} <= names


def test_out_of_fold_odds_are_what_the_shipped_model_is_judged_on(start: Start) -> None:
    row = compare(start.model, start.model, [], start).frozen[0]
    base = start.base
    found = []
    for h, share in enumerate((0.7, 0.3)):
        held = base.holdout
        clean = np.sort(base.odds[base.labels[:, h] == 0, h])
        spam = base.odds[held & (base.labels[:, h] == 1), h]
        found.append((spam > clean[-1 - int(share * 0.01 * len(clean))]).sum() / len(spam))
    assert row.right_a == pytest.approx(np.mean(found), abs=0.1)
    assert 0.3 < row.right_a < 1.0


def test_a_better_model_passes_and_a_worse_one_is_named(start: Start, tmp_path: Path, telling: Any) -> None:
    better = changed(start, tmp_path / "better", *telling, -1.5, 1.5)
    worse = changed(start, tmp_path / "worse", *telling, 4.0, -4.0)
    good = compare(start.model, better, [], start)
    assert good.frozen[0].difference > -0.05
    assert objections(good, {}) == []
    bad = objections(compare(start.model, worse, [], start), {})
    assert any("all spam: found" in reason and "worse beyond chance" in reason for reason in bad)
    assert any("known cases" in reason for reason in bad)


def test_intervals_hold_the_difference_and_stay_in_range(start: Start, tmp_path: Path, telling: Any) -> None:
    worse = changed(start, tmp_path / "worse", *telling, 1.0, -1.0)
    rows = compare(start.model, worse, [], start).frozen
    for row in rows:
        assert -1 <= row.low <= row.difference + 1e-9
        assert row.difference - 1e-9 <= row.high <= 1
    assert any(row.low < row.difference < row.high for row in rows if row.count > 100)


def test_held_back_labels_are_judged_and_changed_verdicts_shown(
    start: Start, tmp_path: Path, telling: Any
) -> None:
    labels = [Label(f"{(SPUN, HONEST)[i % 2]} Page {i}.", 1 - i % 2, source="shop") for i in range(120)]
    flagging = changed(start, tmp_path / "all", telling[0], 1e9, 50.0, 50.0)
    comparison = compare(start.model, flagging, labels, start)
    assert comparison.labels[0].name == "all held-back labels"
    assert comparison.labels[1].name == "labels: shop"
    assert comparison.labels[0].count == comparison.labels[1].count < 60
    assert comparison.changes
    assert all(change.b.verdict == "spam" != change.a.verdict for change in comparison.changes)
    assert all(change.b.evidence for change in comparison.changes if change.item.labels[0] == 1)


def test_labels_are_judged_by_fits_that_did_not_see_them(start: Start) -> None:
    counts = {"texts": 40, "before": 30, "lost": 12, "won": 1}
    learned = replace(
        start.model, manifest=start.model.manifest | {"training": {"labels": {"cross_validated": counts}}}
    )
    comparison = compare(start.model, learned, [], start)
    (row,) = comparison.labels
    assert (row.count, row.right_a, row.right_b) == (40, 0.75, 0.475)
    (reason,) = objections(comparison, {})
    assert reason.startswith(
        "all labels learned from, each judged without it: judged rightly 75.0% -> 47.5% of 40"
    )


def nothing(start: Start) -> Comparison:
    return Comparison("a", "b", [], [], [], {})


@pytest.mark.parametrize(("key", "what"), [("by_annotator", "annotator"), ("by_source", "source")])
def test_labels_that_one_dominates_are_refused(start: Start, key: str, what: str) -> None:
    def found(counts: dict[str, int]) -> list[str]:
        return objections(nothing(start), {"labels": {key: counts}})

    (reason,) = found({"anna": DOMINANT_FROM, "ben": 2})
    assert (
        reason
        == f"{DOMINANT_FROM} of its {DOMINANT_FROM + 2} labels are from one {what} (anna): have some of another {what} as well"
    )
    assert found({"anna": 20, "ben": 15}) == []
    assert found({"anna": DOMINANT_FROM - 1}) == []


def test_one_annotator_who_whitelists_what_nobody_else_does_is_named(start: Start) -> None:
    def found(sure: dict[str, int]) -> list[str]:
        labels = {"by_annotator": {"anna": 90, "ben": 90, "mallory": 20}, "whitelisted_by_annotator": sure}
        return objections(nothing(start), {"labels": labels})

    (reason,) = found({"mallory": 18, "anna": 2})
    assert reason.startswith("18 of 20 labels of mallory call clean")
    assert found({"mallory": 1, "anna": 3, "ben": 4}) == []
    assert found({"anna": 9, "ben": 8, "mallory": 2}) == []


def test_promotion_is_refused_unless_forced_and_force_is_recorded(
    start: Start, tmp_path: Path, telling: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETECTOR_HOME", str(tmp_path))
    registry = Registry()
    monkeypatch.setattr("detector.registry.SHIPPED", start_path := tmp_path / "shipped")
    changed(start, start_path, *telling, 0.0, 0.0)
    worse = changed(start, tmp_path / "worse", *telling, 4.0, -4.0)
    manifest = {k: v for k, v in worse.manifest.items() if k not in ("schema", "files", "version")}
    registry.add(lambda version: manifest | {"version": version}, worse.arrays)
    _, _, reasons = promote(registry, "latest", [], "anna", start=start)
    assert reasons
    assert registry.history() == []
    assert registry.current_name() == "shipped"
    promote(registry, "latest", [], "anna", force=True, start=start)
    (entry,) = registry.history()
    assert (entry.version, entry.forced, entry.by) == ("0001", True, "anna")
    assert list(entry.objections) == reasons


def test_labels_that_the_others_speak_against_are_refused_if_both_answers_have_them(start: Start) -> None:
    def found(yes: list[int], no: list[int]) -> list[str]:
        return objections(nothing(start), {"labels": {"contradicted": {"spun": {"yes": yes, "no": no}}}})

    (reason,) = found([14, 80], [11, 83])
    assert "14 of 80 that say spun and 11 of 83 that say not spun" in reason
    assert found([40, 80], [2, 83]) == [], "a new kind of spam, not understood yet"
    assert found([2, 80], [40, 83]) == [], "a new kind of honest text"
    assert found([2, 10], [2, 10]) == [], "few labels: chance"
