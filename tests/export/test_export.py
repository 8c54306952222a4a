"""Exports give the bundle's scores: on texts, and on rows that lie exactly on a threshold."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from detector import Detector
from detector.export import SpunHeads, to_onnx, to_pipeline
from detector.export.trees import plain_trees
from detector.features import NAMES
from detector.model import HEADS, POLICIES
from detector.sklearn import SpunFeatures
from tests.cli.conftest import ENVIRONMENT
from tests.texts import HONEST, SPUN, STUFFED

TEXTS = [HONEST, SPUN, STUFFED, HONEST + SPUN, SPUN[:400], STUFFED[200:]]


@pytest.fixture(scope="module", name="detector")
def with_the_shipped_lexicon(detector: Detector) -> Detector:
    """The made-up model names no lexicon; an export does."""
    manifest = detector.model.manifest | {"lexicon": detector.lexicon.digest}
    model = replace(detector.model, manifest=manifest)
    return Detector(model, detector.lexicon, "balanced", POLICIES["balanced"])


def bundle_scores(detector: Detector) -> np.ndarray:
    return np.array([(v.spun, v.stuffed) for v in detector.score_batch(TEXTS, evidence=False)])


def at_thresholds(detector: Detector) -> np.ndarray:
    """Rows of random features, many of them exactly the threshold of some node, or one float32 beside it."""
    generator = np.random.default_rng(3)
    rows = generator.random((400, len(NAMES))).astype(np.float32)
    for head in HEADS:
        trees = plain_trees(detector.model, head)
        inner = np.flatnonzero(trees.feature >= 0)
        for row in rows:
            nodes = generator.choice(inner, 40)
            row[trees.feature[nodes]] = trees.threshold[nodes]
    rows[::2] = np.nextafter(rows[::2], np.float32(np.inf))
    return rows


@pytest.fixture(params=["made up", "shipped"])
def any_detector(request: pytest.FixtureRequest, detector: Detector, shipped: Detector) -> Detector:
    return shipped if request.param == "shipped" else detector


def test_the_pipeline_gives_the_scores_of_the_bundle(any_detector: Detector, tmp_path: Path) -> None:
    pipeline = to_pipeline(any_detector.model)
    expected = bundle_scores(any_detector)
    assert pipeline.predict_proba(TEXTS) == pytest.approx(expected, abs=1e-12)
    assert (pipeline.predict(TEXTS) == (expected >= any_detector.thresholds)).all()
    joblib.dump(pipeline, tmp_path / "model.joblib", compress=3)
    again = joblib.load(tmp_path / "model.joblib")
    assert np.array_equal(again.predict_proba(TEXTS), pipeline.predict_proba(TEXTS))
    assert np.array_equal(clone(pipeline).predict_proba(TEXTS), pipeline.predict_proba(TEXTS))


def test_a_policy_decides_what_is_flagged(shipped: Detector) -> None:
    strict, loose = (to_pipeline(shipped.model, fpr).predict(TEXTS) for fpr in (0.001, 0.5))
    assert (strict <= loose).all()
    assert loose.sum() > strict.sum()


def test_onnx_gives_the_scores_of_the_bundle(any_detector: Detector) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="running ONNX needs onnxruntime")
    graph = to_onnx(any_detector.model)
    session = runtime.InferenceSession(graph.SerializeToString())
    matrix = SpunFeatures(any_detector.model).transform(TEXTS)
    (found,) = session.run(None, {"features": matrix})
    assert found == pytest.approx(bundle_scores(any_detector), abs=2e-6)
    rows = at_thresholds(any_detector)
    (found,) = session.run(None, {"features": rows})
    heads = to_pipeline(any_detector.model).named_steps["heads"]
    assert found == pytest.approx(heads.predict_proba(rows), abs=2e-6)


def test_rows_on_a_threshold_go_where_the_kernel_sends_them(any_detector: Detector) -> None:
    from detector.training.trees import Trees

    arrays = any_detector.model.arrays
    rows = at_thresholds(any_detector)
    for i, head in enumerate(HEADS):
        kernel = Trees(arrays["trees.npy"], arrays[f"{head}_roots.npy"], arrays["scales.npy"][i]).raw(rows)
        assert plain_trees(any_detector.model, head).log_odds(rows) == pytest.approx(kernel, abs=1e-9)


def test_a_head_with_a_second_sum_is_exported_with_it(detector: Detector) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="running a graph needs onnxruntime")
    pytest.importorskip("onnx", reason="ONNX export needs onnx")
    from detector.training.trees import split_trees

    added = {"added.npy": np.array([[50.0, -0.7], [80.0, 0.0]])}
    model = replace(detector.model, arrays=detector.model.arrays | added)
    rows = at_thresholds(detector)
    kernel = np.column_stack([trees.raw(rows) for trees in split_trees(model.arrays)])
    plain = np.column_stack([plain_trees(model, head).log_odds(rows) for head in HEADS])
    assert plain == pytest.approx(kernel, abs=1e-9)
    assert not np.allclose(kernel[:, 0], plain_trees(detector.model, "spun").log_odds(rows))
    session = onnxruntime.InferenceSession(to_onnx(model).SerializeToString())
    (found,) = session.run(None, {"features": rows})
    assert found == pytest.approx(1 / (1 + np.exp(-kernel)), abs=2e-6)


def test_onnx_metadata_say_what_goes_in_and_what_comes_out(detector: Detector) -> None:
    pytest.importorskip("onnx", reason="ONNX export needs onnx")
    told = {p.key: p.value for p in to_onnx(detector.model).metadata_props}
    assert told["model"] == detector.model.name
    assert json.loads(told["features"]) == list(NAMES)
    assert set(json.loads(told["thresholds"])) == set(POLICIES)


def test_the_written_pipeline_works_in_a_new_process(detector: Detector, tmp_path: Path) -> None:
    joblib.dump(to_pipeline(detector.model), tmp_path / "model.joblib")
    code = f"import joblib; print(joblib.load('model.joblib').predict_proba([{HONEST!r}]).tolist()[0])"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(run.stdout) == pytest.approx(bundle_scores(detector)[0].tolist(), abs=1e-12)


def test_a_pipeline_of_another_release_is_refused(detector: Detector) -> None:
    model = detector.model
    other = replace(model, manifest=model.manifest | {"features": ["x"]})
    with pytest.raises(ValueError, match="other features or another lexicon"):
        SpunFeatures(other).transform([HONEST])


def test_heads_follow_the_conventions_of_scikit_learn(detector: Detector) -> None:
    heads = to_pipeline(detector.model).named_steps["heads"]
    assert isinstance(heads, SpunHeads)
    assert heads.fit() is heads
    assert [c.tolist() for c in heads.classes_] == [[0, 1], [0, 1]]
    odds = heads.decision_function(np.zeros((3, len(NAMES))))
    assert odds.shape == (3, 2)
    assert heads.predict_proba(np.zeros((0, len(NAMES)))).shape == (0, 2)
