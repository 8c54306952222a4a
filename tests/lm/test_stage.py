import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detector.document import Document, Zone, ZoneKind
from detector.lexicon.tables import LexiconFiles
from detector.lm.errors import LanguageModelError, OtherModelError
from detector.lm.reader import Reader
from detector.lm.stage import LastStage, load_fitted, prose, save_fitted
from detector.model import Model
from detector.scoring import Detector
from tests.lm.tiny import make_fitted
from tests.texts import GERMAN, HONEST, SPUN, STUFFED

TEXTS = [HONEST, SPUN, STUFFED, HONEST[200:], SPUN[100:], HONEST + SPUN]


@pytest.fixture
def model(detector: Detector) -> Model:
    """The suite's made-up fast model; its curves are as long as those of the tiny last stage."""
    return detector.model


def make_detector(
    model: Model, lexicon: LexiconFiles, reader: Reader, every: bool, band: tuple[float, float] = (-2.0, 3.0)
) -> Detector:
    stage = LastStage(reader, make_fitted(model.digest, band=np.array(band)), every)
    return Detector(model, lexicon, "balanced", 0.01, stage)


def test_every_page_is_read_and_says_so(detector: Detector, model: Model, reader: Reader) -> None:
    both = make_detector(model, detector.lexicon, reader, every=True)
    for text in TEXTS:
        fast, verdict = detector.score(text), both.score(text)
        assert verdict.model == f"{fast.model}+lm#00000000"
        assert verdict.read_again
        assert not fast.read_again
        assert fast.spun is not None
        odds = np.log(fast.spun / (1 - fast.spun))
        read, _ = make_fitted(model.digest).probe(reader.states(text).values)
        assert verdict.spun == pytest.approx(1 / (1 + np.exp(-(0.5 + 0.25 * odds + 2.0 * read))), rel=1e-4)
        assert verdict.stuffed == fast.stuffed
        spun_evidence = [e.weight for e in verdict.evidence if e.kind != "stuffing"]
        assert not spun_evidence or sum(spun_evidence) == pytest.approx(verdict.spun)


def test_only_pages_in_the_band_are_read(detector: Detector, model: Model, reader: Reader) -> None:
    fast = [detector.score(text, evidence=False) for text in TEXTS]
    middle = sorted(v.spun for v in fast if v.spun is not None)[len(fast) // 2]
    odds = float(np.log(middle / (1 - middle)))
    some = make_detector(model, detector.lexicon, reader, False, (odds - 1e-6, odds + 1e-6))
    found = list(some.score_batch(TEXTS, evidence=False))
    assert [v.model != f.model for v, f in zip(found, fast, strict=True)] == [f.spun == middle for f in fast]
    for verdict, before in zip(found, fast, strict=True):
        if verdict.model == before.model:
            assert verdict.spun == before.spun


def test_thresholds_are_those_of_the_way_it_is_used(detector: Detector, model: Model, reader: Reader) -> None:
    always = make_detector(model, detector.lexicon, reader, True)
    unsure = make_detector(model, detector.lexicon, reader, False)
    assert always.thresholds[0] > unsure.thresholds[0]
    assert always.thresholds[1] == unsure.thresholds[1] == detector.thresholds[1]
    assert always.model.digest == model.digest


def test_batches_and_threads_change_nothing(detector: Detector, model: Model, reader: Reader) -> None:
    both = make_detector(model, detector.lexicon, reader, every=True)
    alone = [both.score(text) for text in TEXTS]
    assert list(both.score_batch(TEXTS)) == alone
    assert list(both.score_batch(TEXTS * 40, jobs=3)) == alone * 40


def test_where_the_detector_abstains_nothing_is_read(
    detector: Detector, model: Model, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = make_detector(model, detector.lexicon, reader, every=True)
    monkeypatch.setattr(reader, "states", None)
    assert both.score("Too short.").status == "too_short"
    assert both.score(GERMAN).status == "not_english"


def test_titles_and_hidden_text_are_not_prose() -> None:
    document = Document(
        "Title. Body one. Alt text. Heading. Rest.",
        zones=(
            Zone(ZoneKind.TITLE, 0, 7), Zone(ZoneKind.ALT, 17, 27), Zone(ZoneKind.HEADING, 27, 36),
        ),
    )  # fmt: skip
    assert prose(document) == "Body one. Heading. Rest."
    assert prose(Document("All of it.")) == "All of it."


def test_a_page_of_nothing_but_titles_keeps_the_fast_score(model: Model, reader: Reader) -> None:
    stage = LastStage(reader, make_fitted(model.digest), True)
    empty = Document("A title", zones=(Zone(ZoneKind.TITLE, 0, 7),))
    assert stage.read(empty, 0.7) == (0.7, False)


def test_what_does_not_belong_together_is_refused(detector: Detector, model: Model, reader: Reader) -> None:
    with pytest.raises(LanguageModelError, match=r"other/3, not to tiny/1\+2.*detector lm build"):
        LastStage(reader, make_fitted(model.digest, reader="other/3"), True)
    stage = LastStage(reader, make_fitted("another"), True)
    with pytest.raises(OtherModelError, match=r"another model than test@1.2.3.*detector\.training\.lm"):
        Detector(model, detector.lexicon, "balanced", 0.01, stage)


def test_saved_and_read_back(tmp_path: Path) -> None:
    fitted = make_fitted("digest")
    save_fitted(tmp_path / "a", fitted)
    save_fitted(tmp_path / "b", fitted)
    assert (tmp_path / "a" / "probe.npz").read_bytes() == (tmp_path / "b" / "probe.npz").read_bytes()
    read = load_fitted(tmp_path / "a")
    assert read.manifest["model"] == "digest"
    np.testing.assert_array_equal(read.stack, fitted.stack)
    np.testing.assert_array_equal(read.curves, fitted.curves)
    states = np.random.default_rng(0).normal(size=(9, 128)).astype(np.float32)
    assert read.probe(states)[0] == pytest.approx(fitted.probe(states)[0], abs=0.02)


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    save_fitted(tmp_path, make_fitted("digest"))
    data = (tmp_path / "probe.npz").read_bytes()
    (tmp_path / "probe.npz").write_bytes(data[:-7])
    with pytest.raises(LanguageModelError, match=r"detector\.training\.lm"):
        load_fitted(tmp_path)
    (tmp_path / "probe.npz").unlink()
    with pytest.raises(LanguageModelError, match=r"probe\.npz: not there"):
        load_fitted(tmp_path)


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"format": 1}'])
def test_a_broken_manifest_is_refused(tmp_path: Path, manifest: str) -> None:
    save_fitted(tmp_path, make_fitted("digest"))
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(LanguageModelError):
        load_fitted(tmp_path)


def test_an_object_array_is_refused_though_the_hash_agrees(tmp_path: Path) -> None:
    fitted = make_fitted("digest")
    save_fitted(tmp_path, replace(fitted, stack=np.array([{}, 1, 2], object)))
    assert json.loads((tmp_path / "manifest.json").read_text())["sha256"]
    with pytest.raises(LanguageModelError):
        load_fitted(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"stack": np.array([1.0, 2.0])},
        {"stack": np.array([np.nan, 1.0, 1.0])},
        {"band": np.array([1.0])},
        {"curves": np.zeros((1, 4))},
    ],
)
def test_numbers_of_another_shape_are_refused(tmp_path: Path, changes: dict[str, np.ndarray]) -> None:
    save_fitted(tmp_path, make_fitted("digest", **changes))
    with pytest.raises(LanguageModelError, match=next(iter(changes))):
        load_fitted(tmp_path)
